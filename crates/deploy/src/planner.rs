//! Makes plans: a state and a wish in, a plan out. Pure.

use crate::forward::groups;
use crate::notes::notes;
use crate::pairing::pair;
use crate::plan::{PLAN_FORMAT, Plan};
use seaworthy_model::Name;
use seaworthy_model::deployment::{Revision, Verb};
use seaworthy_model::pool::{PoolId, PoolSpec};
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
    let is_other = |revision: &&Revision| Some(revision.number) != to.map(|to| to.number);
    let mut plan = Plan {
        format: PLAN_FORMAT,
        verb: options.verb,
        app: app.clone(),
        environment: environment.clone(),
        from: state.running.clone(),
        to: to.cloned(),
        leaving: state.leaving.iter().filter(is_other).cloned().collect(),
        kept: Vec::new(),
        new: Vec::new(),
        gone: Vec::new(),
        alive: state.alive.clone(),
        changes: options.changes,
        notes: options.notes,
        groups: Vec::new(),
    };
    let pairing = pair(plan.from.as_ref(), plan.to.as_ref(), &plan.leaving, &plan.alive);
    let changed = pairing.changed_over.iter();
    let new = pairing.beside.iter().copied().chain(changed.clone().map(|change| change.new));
    let old = pairing.gone.iter().copied().chain(changed.map(|change| change.old));
    let gone = old.chain(pairing.leaving.iter().map(|(_, pool)| *pool));
    let (kept, new, gone) = (ids(pairing.kept.iter().map(|(_, pool)| *pool)), ids(new), ids(gone));
    // A revision that runs already has nothing to do, and nothing to go back to.
    let is_running = plan.to.is_some() && plan.to.as_ref().map(|to| to.number) == plan.from.as_ref().map(|f| f.number);
    let groups = if is_running { Vec::new() } else { groups(&plan, &pairing) };
    let mut notes = notes(&plan, &pairing);
    drop(pairing);
    notes.retain(|note| !plan.notes.contains(note));
    plan.notes.extend(notes);
    Plan { groups, kept, new, gone, ..plan }
}

fn ids<'a>(pools: impl Iterator<Item = &'a PoolSpec>) -> Vec<PoolId> {
    pools.map(|pool| pool.id.clone()).collect()
}
