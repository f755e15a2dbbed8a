//! Which pools a plan keeps, starts, changes over and stops.

use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::service::{Port, Update};
use std::collections::{BTreeMap, BTreeSet};

/// A service of which instances of two revisions may not run at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChangeOver<'a> {
    /// The old pool.
    pub(crate) old: &'a PoolSpec,
    /// The new one.
    pub(crate) new: &'a PoolSpec,
}

impl ChangeOver<'_> {
    /// Whether anybody waits for it meanwhile.
    pub(crate) fn holds(&self) -> bool {
        listens(self.old) || listens(self.new)
    }
}

/// Every pool of an environment, by what becomes of it. Each is in exactly one of these.
#[derive(Debug, Default)]
pub(crate) struct Pairing<'a> {
    /// In both revisions: as it is and as it is to be.
    pub(crate) kept: Vec<(&'a PoolSpec, &'a PoolSpec)>,
    /// In the new revision alone, started beside what runs.
    pub(crate) beside: Vec<&'a PoolSpec>,
    /// Old and new of a service that changes over.
    pub(crate) changed_over: Vec<ChangeOver<'a>>,
    /// In the old revision alone, warm through the bake.
    pub(crate) gone: Vec<&'a PoolSpec>,
    /// In none of the two: of revisions before, with the revision's number.
    pub(crate) leaving: Vec<(u64, &'a PoolSpec)>,
    /// With instances, and of no revision that is known.
    pub(crate) strays: Vec<PoolId>,
}

/// Whether anything can be sent to it.
pub(crate) fn listens(pool: &PoolSpec) -> bool {
    pool.port != Port::None
}

/// Sorts the pools of an environment.
pub(crate) fn pair<'a>(
    from: Option<&'a Revision>,
    to: Option<&'a Revision>,
    leaving: &'a [Revision],
    alive: &BTreeSet<PoolId>,
) -> Pairing<'a> {
    let old: BTreeMap<&PoolId, &PoolSpec> = by_id(from);
    let new: BTreeMap<&PoolId, &PoolSpec> = by_id(to);
    let mut pairing = Pairing::default();
    let mut replaced: BTreeSet<&PoolId> = BTreeSet::new();
    for (id, pool) in &new {
        if let Some(before) = old.get(id) {
            pairing.kept.push((before, pool));
            continue;
        }
        match from.and_then(|from| from.pools.get(&pool.service)) {
            Some(before) if before.update == Update::Replace || pool.update == Update::Replace => {
                replaced.insert(&before.id);
                pairing.changed_over.push(ChangeOver { old: before, new: pool });
            }
            _ => pairing.beside.push(pool),
        }
    }
    pairing.gone = old.values().filter(|p| !new.contains_key(&p.id) && !replaced.contains(&p.id)).copied().collect();
    let mut known: BTreeSet<&PoolId> = old.keys().chain(new.keys()).copied().collect();
    // A pool that several of them have belongs to the newest: it is needed longest.
    for revision in leaving.iter().rev() {
        for pool in revision.pools.values() {
            if alive.contains(&pool.id) && known.insert(&pool.id) {
                pairing.leaving.push((revision.number, pool));
            }
        }
    }
    pairing.strays = alive.iter().filter(|id| !known.contains(id)).cloned().collect();
    pairing
}

fn by_id(revision: Option<&Revision>) -> BTreeMap<&PoolId, &PoolSpec> {
    revision.iter().flat_map(|revision| revision.pools.values()).map(|pool| (&pool.id, pool)).collect()
}
