//! Who answers for services of which instances of several revisions may not run at once.

use crate::pairing::{ChangeOver, listens};
use crate::plan::Plan;
use crate::shape::Shape;
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::PoolId;
use std::collections::{BTreeMap, BTreeSet};

/// Who answers now, by service.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seats(BTreeMap<Name, Seat>);

#[derive(Debug, Clone)]
struct Seat {
    /// The pools that somebody may call, with the revision that calls them so.
    names: BTreeSet<(u64, PoolId)>,
    occupant: Occupant,
}

#[derive(Debug, Clone)]
enum Occupant {
    /// The instances of this pool answer, whatever name they are called by.
    Pool(PoolId),
    /// Nobody: who calls waits, but for who calls this pool.
    Changing { open: Option<PoolId> },
}

impl Seats {
    /// The seats as they are before a plan begins.
    pub(crate) fn new(plan: &Plan, changes: &[ChangeOver<'_>]) -> Self {
        let mut seats = Self::default();
        for change in changes.iter().filter(|change| change.holds()) {
            seats.name(plan.from.as_ref(), &change.old.service, &change.old.id, &change.old.id);
            seats.name(plan.to.as_ref(), &change.old.service, &change.new.id, &change.old.id);
        }
        // Of revisions before: what changed over while their callers were finishing.
        for revision in &plan.leaving {
            for (service, pool) in revision.pools.iter().filter(|(_, pool)| listens(pool)) {
                let Some(now) = plan.from.as_ref().and_then(|from| from.pools.get(service)) else { continue };
                let comes_back = plan.to.as_ref().and_then(|to| to.pools.get(service)).is_some_and(|p| p.id == pool.id);
                if now.id != pool.id && !comes_back && !plan.alive.contains(&pool.id) {
                    seats.name(Some(revision), service, &pool.id, &now.id);
                }
            }
        }
        seats
    }

    fn name(&mut self, revision: Option<&Revision>, service: &Name, name: &PoolId, occupant: &PoolId) {
        let Some(revision) = revision else { return };
        let seat = self.0.entry(service.clone());
        let seat = seat.or_insert(Seat { names: BTreeSet::new(), occupant: Occupant::Pool(occupant.clone()) });
        seat.names.insert((revision.number, name.clone()));
    }

    /// From here on this pool's instances answer.
    pub(crate) fn take(&mut self, service: &Name, pool: &PoolId) {
        self.set(service, Occupant::Pool(pool.clone()));
    }

    /// From here on everybody waits, but for those who call `open`.
    pub(crate) fn leave(&mut self, service: &Name, open: Option<&PoolId>) {
        self.set(service, Occupant::Changing { open: open.cloned() });
    }

    fn set(&mut self, service: &Name, occupant: Occupant) {
        if let Some(seat) = self.0.get_mut(service) {
            seat.occupant = occupant;
        }
    }

    /// Says in a shape who waits, and who answers for whom.
    pub(crate) fn describe(&self, shape: &mut Shape) {
        shape.held.clear();
        shape.answered_by.clear();
        let takes_part = |revision: &u64| shape.shares.iter().any(|share| share.revision == *revision);
        for seat in self.0.values() {
            let names = seat.names.iter().filter(|(revision, _)| takes_part(revision)).map(|(_, name)| name);
            match &seat.occupant {
                Occupant::Pool(pool) => {
                    let others = names.filter(|name| *name != pool);
                    shape.answered_by.extend(others.map(|name| (name.clone(), pool.clone())));
                }
                Occupant::Changing { open } => {
                    shape.held.extend(names.filter(|name| Some(*name) != open.as_ref()).cloned());
                }
            }
        }
    }
}
