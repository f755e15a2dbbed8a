//! The way from the old revision to the new one.

use crate::draft::Draft;
use crate::pairing::{Pairing, listens};
use crate::plan::{Group, Phase, Plan};
use crate::seats::Seats;
use crate::smoke_checks::{SmokeChecks, smoke_checks};
use crate::step::{SmokeCheck, Step, Watch};
use seaworthy_model::deployment::{Revision, Verb};
use seaworthy_model::pool::{PoolId, PoolSpec};
use std::collections::BTreeSet;
use std::time::Duration;

/// The groups of a plan.
pub(crate) fn groups(plan: &Plan, pairing: &Pairing<'_>) -> Vec<Group> {
    let seats = Seats::new(plan, &pairing.changed_over);
    Forward { plan, pairing, draft: Draft::new(Phase::Prepare, seats) }.groups()
}

struct Forward<'a> {
    plan: &'a Plan,
    pairing: &'a Pairing<'a>,
    draft: Draft,
}

impl<'a> Forward<'a> {
    fn groups(mut self) -> Vec<Group> {
        for revision in &self.plan.leaving {
            self.draft.share(revision.number, 0, false);
        }
        if let Some(from) = &self.plan.from {
            self.draft.share(from.number, 100, true);
        }
        self.clear_the_way();
        match &self.plan.to {
            None => self.down(),
            Some(to) => {
                let checks = smoke_checks(to, &self.pairing.changed_over);
                self.prepare(to, &checks);
                self.change_over(to, &checks);
                self.shift(to);
                self.bake(to);
                self.settle(to);
            }
        }
        self.draft.groups
    }

    /// Deployments may follow each other faster than old instances finish. All but the last ones go before anything
    /// starts, so that no more than three revisions have instances at any time.
    fn clear_the_way(&mut self) {
        let Some((_, older)) = self.plan.leaving.split_last() else { return };
        let numbers: BTreeSet<u64> = older.iter().map(|revision| revision.number).collect();
        let pools: Vec<&PoolSpec> =
            self.pairing.leaving.iter().filter(|(number, _)| numbers.contains(number)).map(|(_, pool)| *pool).collect();
        self.draft.add_drain(pools.iter().copied());
        self.draft.shares.retain(|share| !numbers.contains(&share.revision));
        let pools: Vec<PoolId> = pools.iter().map(|pool| pool.id.clone()).collect();
        if !pools.is_empty() {
            self.draft.add(vec![Step::Stop { pools }]);
        }
    }

    /// Everything that can be done while the old revision serves all requests.
    fn prepare(&mut self, to: &Revision, checks: &SmokeChecks) {
        // From the first command on: it may call others, and their listeners follow from this.
        self.draft.share(to.number, 0, true);
        // Data never goes back, and an older release need not know how to migrate a newer one's.
        if self.plan.verb != Verb::Rollback {
            let changed = self.pairing.changed_over.iter().map(|change| change.new);
            for pool in self.pairing.beside.iter().copied().chain(changed).filter(|pool| !pool.before.is_empty()) {
                self.draft.add(vec![Step::Before { pool: pool.clone() }]);
            }
        }
        let grown: Vec<_> = self.pairing.kept.iter().filter(|(old, new)| grows(old, new)).collect();
        let started = self.pairing.beside.iter().map(|pool| Step::Start { pool: (*pool).clone() });
        self.draft.add(started.chain(grown.iter().map(|(old, new)| scale(old, new))).collect());
        let pools = self.pairing.beside.iter().copied().chain(grown.iter().map(|(_, new)| *new));
        self.draft.add(pools.map(|pool| Step::Healthy { pool: pool.clone() }).collect());
        self.smoke(to, &checks.before_hold);
    }

    fn smoke(&mut self, to: &Revision, checks: &[SmokeCheck]) {
        if !checks.is_empty() {
            self.draft.add(vec![Step::Smoke { revision: to.number, checks: checks.to_vec() }]);
        }
    }

    /// Services of which old and new instances may not run at once.
    fn change_over(&mut self, to: &Revision, checks: &SmokeChecks) {
        let changes = &self.pairing.changed_over;
        self.draft.add_hold(changes, |change| Some(change.new.id.clone()));
        self.draft.add_stop_now(changes.iter().map(|change| change.old));
        self.draft.add_start(changes.iter().map(|change| change.new));
        self.smoke(to, &checks.within_hold);
        self.draft.add_release(changes, |change| change.new.id.clone());
    }

    fn shift(&mut self, to: &Revision) {
        self.draft.phase = Phase::Shift;
        for weight in self.weights(to) {
            if let Some(from) = &self.plan.from {
                // Nobody new comes to a revision without weight; what it has in flight still finds whom it calls.
                self.draft.share(from.number, 100 - weight, weight < 100);
            }
            self.draft.share(to.number, weight, true);
            let watch = (weight < 100).then(|| self.watch(to, to.rollout.shift_every));
            self.draft.add(vec![Step::Shift { revision: to.number, weight, watch }]);
        }
    }

    /// At once: where nothing serves yet, where going back must not take long, where the old release does not work any
    /// more, and where both revisions send every request to the same instances.
    fn weights(&self, to: &Revision) -> Vec<u8> {
        let differs = self.pairing.beside.iter().any(|pool| listens(pool));
        let at_once = self.plan.from.is_none() || self.plan.verb == Verb::Rollback || self.plan.is_irreversible();
        if at_once || !differs {
            return vec![100];
        }
        let mut weights = to.rollout.shift.iter().copied().filter(|weight| *weight < 100).collect::<BTreeSet<u8>>();
        weights.remove(&0);
        weights.into_iter().chain([100]).collect()
    }

    fn watch(&self, to: &Revision, during: Duration) -> Watch {
        let changed = self.pairing.changed_over.iter();
        let new = self.pairing.beside.iter().copied().chain(changed.clone().map(|change| change.new));
        let old = self.pairing.gone.iter().copied().chain(changed.map(|change| change.old));
        let listening = |pool: &&PoolSpec| listens(pool);
        Watch {
            revision: to.number,
            new: new.filter(listening).map(|pool| pool.id.clone()).collect(),
            old: old.filter(listening).map(|pool| pool.id.clone()).collect(),
            during,
        }
    }

    fn bake(&mut self, to: &Revision) {
        self.draft.phase = Phase::Bake;
        // Two revisions' workers take each other's work.
        self.draft.add_stop_now(self.pairing.gone.iter().copied().filter(|pool| !listens(pool)));
        if self.plan.from.is_some() && !to.rollout.bake.is_zero() {
            let watch = self.watch(to, to.rollout.bake);
            self.draft.add(vec![Step::Bake { watch, returns: !self.plan.is_irreversible() }]);
        }
    }

    /// What the new revision does not need ends.
    fn settle(&mut self, to: &Revision) {
        self.draft.phase = Phase::Settle;
        let others = self.pairing.kept.iter().filter(|(old, new)| old != new && !grows(old, new));
        self.draft.add(others.map(|(old, new)| scale(old, new)).collect());
        let left = self.left();
        self.draft.add_drain(left.iter().copied());
        self.draft.add_stop(Some(to.number), self.ids(&left));
    }

    fn down(&mut self) {
        self.draft.phase = Phase::Shift;
        if let Some(from) = &self.plan.from {
            self.draft.share(from.number, 0, false);
            self.draft.add(vec![Step::Withdraw]);
        }
        let left = self.left();
        self.draft.add_drain(left.iter().copied());
        self.draft.phase = Phase::Settle;
        self.draft.add_stop(None, self.ids(&left));
    }

    /// The old pools that no step has stopped so far.
    fn left(&self) -> Vec<&'a PoolSpec> {
        let stopped = self.draft.stopped();
        let pairing: &'a Pairing<'a> = self.pairing;
        let pools = pairing.gone.iter().copied().chain(pairing.leaving.iter().map(|(_, pool)| *pool));
        pools.filter(|pool| !stopped.contains(&pool.id)).collect()
    }

    fn ids(&self, pools: &[&PoolSpec]) -> Vec<PoolId> {
        pools.iter().map(|pool| pool.id.clone()).chain(self.pairing.strays.iter().cloned()).collect()
    }
}

/// Whether a kept pool gets more instances: before the shift; anything else is for after it.
fn grows(old: &PoolSpec, new: &PoolSpec) -> bool {
    new.tuning.replicas > old.tuning.replicas
}

/// Brings a kept pool to its new numbers.
pub(crate) fn scale(old: &PoolSpec, new: &PoolSpec) -> Step {
    Step::Scale { pool: new.clone(), replicas_before: old.tuning.replicas }
}
