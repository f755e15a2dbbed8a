//! The pools by id, which outlive the tables that name them.

use crate::pool::PoolState;
use seaworthy_model::routing::{Destination, Purpose, RoutingTable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every pool of the table, and those that left it with something still in flight.
#[derive(Debug, Default)]
pub struct PoolRegistry {
    pools: Mutex<BTreeMap<String, Arc<PoolState>>>,
}

impl PoolRegistry {
    /// Brings the pools to what `table` says of them and returns those that it no longer has. What is the same before
    /// and after keeps its live state.
    pub(crate) fn update(&self, table: &RoutingTable) -> Vec<Arc<PoolState>> {
        let reached = reached(table);
        let mut pools = self.lock();
        for (id, pool) in &table.pools {
            pools.entry(id.clone()).or_insert_with(|| PoolState::new(id)).update(pool, reached.contains(id.as_str()));
        }
        pools.iter().filter(|(id, _)| !table.pools.contains_key(*id)).map(|(_, pool)| pool.clone()).collect()
    }

    /// Sends whoever still turns to these pools back to the table, and forgets those that have nothing in flight.
    pub(crate) fn retire(&self, retired: Vec<Arc<PoolState>>) {
        for pool in &retired {
            pool.retire();
        }
        self.forget_empty();
    }

    /// Forgets the pools that no table names and that have nothing in flight.
    pub(crate) fn forget_empty(&self) {
        self.lock().retain(|_, pool| !pool.is_retired() || pool.in_flight() > 0);
    }

    /// Sends those that wait for a held pool back to the table.
    pub(crate) fn wake_waiting(&self) {
        self.all().iter().for_each(|pool| pool.wake_waiting());
    }

    /// A pool.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Arc<PoolState>> {
        self.lock().get(id).cloned()
    }

    /// Every pool.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<PoolState>> {
        self.lock().values().cloned().collect()
    }

    /// A pool; one without endpoints if the table forgot to define it.
    pub(super) fn get_or_missing(&self, id: &str) -> Arc<PoolState> {
        self.get(id).unwrap_or_else(|| PoolState::new(id))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<PoolState>>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pools that a route or a listener leads to.
fn reached(table: &RoutingTable) -> BTreeSet<&str> {
    let mut reached = BTreeSet::new();
    for variant in table.routes.iter().flat_map(|route| route.variants.values()) {
        match &variant.to {
            Destination::Pool(pool) => _ = reached.insert(pool.as_str()),
            Destination::Fanout { pools, .. } => reached.extend(pools.iter().map(String::as_str)),
        }
    }
    for listener in table.listeners.values() {
        if let Purpose::Internal { pool, .. } = &listener.purpose {
            reached.insert(pool);
        }
    }
    reached
}
