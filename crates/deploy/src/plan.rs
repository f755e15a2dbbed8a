//! A plan: what a deployment does, in order, as data. Nothing is decided after it is made.

use crate::shape::Shape;
use crate::step::Step;
use seaworthy_model::Name;
use seaworthy_model::deployment::{Revision, Verb};
use seaworthy_model::pool::{PoolId, PoolSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The version of the plan's format that this program writes; a plan is kept until its deployment has ended.
pub const PLAN_FORMAT: u32 = 1;

/// What a deployment does. Written down whole before it begins, so that another process can finish or undo it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_FORMAT`].
    pub format: u32,
    /// What was asked.
    pub verb: Verb,
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The revision that serves; `None`: nothing does.
    pub from: Option<Revision>,
    /// The revision that shall serve; `None`: nothing shall.
    pub to: Option<Revision>,
    /// Revisions before `from` whose instances are still finishing what is in flight, oldest first.
    pub leaving: Vec<Revision>,
    /// Pools that both `from` and `to` have.
    pub kept: Vec<PoolId>,
    /// Pools that `to` alone has.
    pub new: Vec<PoolId>,
    /// Pools that run and that `to` does not have.
    pub gone: Vec<PoolId>,
    /// The pools that had instances when the plan was made.
    pub alive: BTreeSet<PoolId>,
    /// What differs, a line each.
    pub changes: Vec<String>,
    /// What to know before saying yes, a line each.
    pub notes: Vec<String>,
    /// What is done, in order.
    pub groups: Vec<Group>,
}

/// Steps that do not depend on each other. The group's traffic is applied first, then all its steps run at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// What can become of a failure here.
    pub phase: Phase,
    /// The traffic while the steps run, and afterwards until the next group.
    pub traffic: Shape,
    /// The steps.
    pub steps: Vec<Step>,
}

/// What can become of a failure, and of a newer deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// The old revision carries all traffic. A failure undoes what was done: `Failed`.
    Prepare,
    /// The new one carries a part of it. A failure goes back: `Failed`.
    Shift,
    /// The new one carries all of it, the old one is warm. A failure goes back: `Returned`. A newer deployment ends
    /// it.
    Bake,
    /// What the new revision does not need ends. There is no way back; a failure is tried again, then reported. A newer
    /// deployment ends it and takes over what is left.
    Settle,
}

impl Plan {
    /// The steps as lines for people, in order.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.groups.iter().flat_map(|group| &group.steps).map(ToString::to_string).collect()
    }

    /// Whether the deployment would change nothing: same pools, routes and numbers.
    #[must_use]
    pub fn is_no_change(&self) -> bool {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => {
                from.pools == to.pools
                    && from.routes == to.routes
                    && from.checks == to.checks
                    && from.jobs == to.jobs
                    && from.release == to.release
                    && from.rollout == to.rollout
            }
            (None, None) => true,
            _ => false,
        }
    }

    /// The new services after whose `before` the old release does not work any more.
    pub fn irreversible(&self) -> impl Iterator<Item = &Name> {
        let runs_before = self.verb != Verb::Rollback;
        let is_new = |pool: &&PoolSpec| {
            let old = self.from.as_ref().and_then(|from| from.pools.get(&pool.service));
            old.is_some_and(|old| old.id != pool.id)
        };
        let pools = self.to.iter().flat_map(|to| to.pools.values()).filter(move |_| runs_before);
        pools.filter(|pool| !pool.reversible && !pool.before.is_empty()).filter(is_new).map(|pool| &pool.service)
    }

    /// Whether there is no going back by itself.
    #[must_use]
    pub fn is_irreversible(&self) -> bool {
        self.irreversible().next().is_some()
    }

    /// The revision with this number among those that the plan knows.
    #[must_use]
    pub fn revision(&self, number: u64) -> Option<&Revision> {
        self.to.iter().chain(&self.from).chain(&self.leaving).find(|revision| revision.number == number)
    }

    /// The index of the first group in which the new revision carries all traffic.
    #[must_use]
    pub fn serves_at(&self) -> usize {
        self.first(Phase::Bake)
    }

    /// The index of the first group from which there is no way back.
    #[must_use]
    pub fn settles_at(&self) -> usize {
        self.first(Phase::Settle)
    }

    fn first(&self, phase: Phase) -> usize {
        self.groups.iter().position(|group| group.phase >= phase).unwrap_or(self.groups.len())
    }
}
