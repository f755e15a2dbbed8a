//! Makes plans: a state and a wish in, a plan out. Pure.

use crate::plan::{Group, Plan};
use seaworthy_model::Name;
use seaworthy_model::deployment::{Revision, Verb};
use seaworthy_model::pool::PoolId;
use std::collections::BTreeSet;

/// What an environment runs now.
#[derive(Debug, Clone, Default)]
pub struct EnvironmentState {
    /// The revision that serves.
    pub running: Option<Revision>,
    /// Revisions that served before it and whose instances have not all been stopped, oldest first: those that the
    /// environment's traffic still names.
    pub leaving: Vec<Revision>,
    /// The pools that have instances.
    pub alive: BTreeSet<PoolId>,
}

/// What a plan is made for.
#[derive(Debug, Clone)]
pub struct Options {
    /// What was asked.
    pub verb: Verb,
    /// What differs, a line each.
    pub changes: Vec<String>,
    /// What others have to say, a line each.
    pub notes: Vec<String>,
}

/// Makes the plan that brings an environment to a revision (`None`: to nothing).
#[must_use]
pub fn plan(app: &Name, environment: &Name, state: &EnvironmentState, to: Option<&Revision>, options: Options) -> Plan {
    let _ = (app, environment, state, to, options);
    todo!()
}

/// What brings the environment back to the plan's old revision when the groups before `from` are done and the one at
/// `from` may be; empty when there is no way back (then only going on is left).
#[must_use]
pub fn undo(plan: &Plan, from: usize) -> Vec<Group> {
    let _ = (plan, from);
    todo!()
}
