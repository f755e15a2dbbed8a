//! The way back from any point of a plan. Pure.

use crate::draft::Draft;
use crate::pairing::{ChangeOver, Pairing, pair};
use crate::plan::{Group, Phase, Plan};
use crate::seats::Seats;
use crate::step::Step;
use seaworthy_model::pool::{PoolId, PoolSpec};

/// What brings the environment back to the plan's old revision when the groups before `from` are done and the one at
/// `from` may be, or may be in part; empty when there is no way back (then only going on is left).
#[must_use]
pub fn undo(plan: &Plan, from: usize) -> Vec<Group> {
    let Some(group) = plan.groups.get(from).filter(|group| group.phase < Phase::Settle) else { return Vec::new() };
    let begun: Vec<&Step> = plan.groups[..=from].iter().flat_map(|group| &group.steps).collect();
    let pairing = pair(plan.from.as_ref(), plan.to.as_ref(), &plan.leaving, &plan.alive);
    let mut draft = Draft::new(Phase::Shift, Seats::new(plan, &pairing.changed_over));
    draft.shares.clone_from(&group.traffic.shares);
    let back = Back { plan, pairing: &pairing, begun: &begun, has_served: has_served(plan, from) };
    back.shift(&mut draft);
    back.change_over(&mut draft);
    back.restart_workers(&mut draft);
    back.scale(&mut draft);
    back.settle(&mut draft);
    draft.groups
}

/// Whether users may have reached the new revision, or lost the old one.
fn has_served(plan: &Plan, from: usize) -> bool {
    let number = plan.to.as_ref().map(|to| to.number);
    let served = |group: &Group| group.traffic.shares.iter().any(|s| s.weight > 0 && Some(s.revision) == number);
    let withdrawn = |group: &Group| group.steps.contains(&Step::Withdraw);
    plan.groups[..=from].iter().any(|group| served(group) || withdrawn(group))
}

struct Back<'a> {
    plan: &'a Plan,
    pairing: &'a Pairing<'a>,
    begun: &'a [&'a Step],
    has_served: bool,
}

impl Back<'_> {
    fn has_begun(&self, step: impl Fn(&Step) -> bool) -> bool {
        self.begun.iter().any(|begun| step(begun))
    }

    /// Users first: the old revision is warm, whatever else has to be undone.
    fn shift(&self, draft: &mut Draft) {
        let released = self.has_begun(|step| matches!(step, Step::Release { .. }));
        let held = self.has_begun(|step| matches!(step, Step::Hold { .. }));
        for change in &self.pairing.changed_over {
            if released {
                draft.seats.take(&change.new.service, &change.new.id);
            } else if held {
                draft.seats.leave(&change.new.service, None);
            }
        }
        if let Some(to) = &self.plan.to
            && draft.shares.iter().any(|share| share.revision == to.number)
        {
            draft.share(to.number, 0, false);
        }
        match &self.plan.from {
            Some(from) => {
                draft.share(from.number, 100, true);
                if self.has_served {
                    draft.add(vec![Step::Shift { revision: from.number, weight: 100, watch: None }]);
                }
            }
            None if self.has_served => draft.add(vec![Step::Withdraw]),
            None => {}
        }
    }

    fn change_over(&self, draft: &mut Draft) {
        let changes: &[ChangeOver<'_>] = &self.pairing.changed_over;
        let stopped = |pool: &PoolId| self.has_begun(|s| matches!(s, Step::StopNow { pool: p, .. } if p == pool));
        if changes.iter().any(|change| stopped(&change.old.id)) {
            draft.add_hold(changes, |_| None);
            draft.add_stop_now(changes.iter().map(|change| change.new));
            draft.add_start(changes.iter().map(|change| change.old));
            draft.add_release(changes, |change| change.old.id.clone());
        } else if self.has_begun(|step| matches!(step, Step::Hold { .. })) {
            draft.add_release(changes, |change| change.old.id.clone());
        }
    }

    fn restart_workers(&self, draft: &mut Draft) {
        let stopped = |pool: &&PoolSpec| {
            self.has_begun(|step| matches!(step, Step::StopNow { pool: stopped, .. } if *stopped == pool.id))
        };
        let workers: Vec<&PoolSpec> = self.pairing.gone.iter().copied().filter(stopped).collect();
        draft.add_start(workers.iter().copied());
    }

    fn scale(&self, draft: &mut Draft) {
        let scaled = |new: &PoolSpec| self.has_begun(|s| matches!(s, Step::Scale { pool, .. } if pool.id == new.id));
        let kept = self.pairing.kept.iter().filter(|(_, new)| scaled(new));
        draft.add(kept.map(|(old, new)| crate::forward::scale(new, old)).collect());
    }

    /// Nothing of the new revision is left, nor of those before the old one.
    fn settle(&self, draft: &mut Draft) {
        draft.phase = Phase::Settle;
        let changed = self.pairing.changed_over.iter().map(|change| change.new);
        let new: Vec<&PoolSpec> = self.pairing.beside.iter().copied().chain(changed).collect();
        let leaving: Vec<&PoolSpec> = self.pairing.leaving.iter().map(|(_, pool)| *pool).collect();
        let used = self.pairing.beside.iter().copied();
        let used = used.filter(|pool| self.has_served || self.plan.alive.contains(&pool.id));
        draft.add_drain(used.chain(leaving.iter().copied()));
        let pools = new.into_iter().chain(leaving).map(|pool| pool.id.clone());
        let pools = pools.chain(self.pairing.strays.iter().cloned()).collect();
        draft.add_stop(self.plan.from.as_ref().map(|from| from.number), pools);
    }
}
