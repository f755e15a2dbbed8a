//! The pools by id, which outlive the tables that name them.

use super::CompiledTable;
use crate::pool::PoolState;
use seaworthy_model::routing::{Destination, Purpose, RoutingTable};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every pool of the table, and those that left it with something still in flight.
#[derive(Debug, Default)]
pub struct PoolRegistry {
    pools: Mutex<BTreeMap<String, Arc<PoolState>>>,
    /// The serial number of the table that requests follow now.
    table: Arc<AtomicU64>,
}

impl PoolRegistry {
    /// Brings the pools to what `table` says of them and returns those that it no longer has. What is the same before
    /// and after keeps its live state.
    pub(crate) fn update(&self, table: &RoutingTable) -> Vec<Arc<PoolState>> {
        let reached = reached(table);
        let mut pools = self.lock();
        for (id, pool) in &table.pools {
            let state = pools.entry(id.clone()).or_insert_with(|| PoolState::following(id, self.table.clone()));
            state.update(pool, reached.contains(id.as_str()));
        }
        pools.iter().filter(|(id, _)| !table.pools.contains_key(*id)).map(|(_, pool)| pool.clone()).collect()
    }

    /// From now on requests follow `table`: whoever was routed by another one and has not begun is routed again, as is
    /// whoever waits. `retired` are the pools that it no longer has; those with nothing in flight are forgotten.
    pub(crate) fn follow(&self, table: &CompiledTable, retired: &[Arc<PoolState>]) {
        self.table.store(table.serial, Ordering::SeqCst);
        retired.iter().for_each(|pool| pool.retire());
        self.forget_empty();
        self.all().iter().for_each(|pool| pool.wake_waiting());
    }

    /// Forgets the pools that no table names and that have nothing in flight.
    pub(crate) fn forget_empty(&self) {
        self.lock().retain(|_, pool| !pool.is_retired() || pool.in_flight() > 0);
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
