//! What every connection of a worker shares.

use crate::access_log::AccessLog;
use crate::egress::Refusals;
use crate::limits::Limits;
use crate::table::{CompiledTable, PoolRegistry};
use arc_swap::{ArcSwap, Guard};
use seaworthy_model::routing::RoutingTable;
use std::sync::Arc;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The state of a worker: its table, its pools, its log.
pub struct Gateway {
    table: ArcSwap<CompiledTable>,
    pools: PoolRegistry,
    /// Where ended exchanges are written down.
    pub access_log: AccessLog,
    /// Limits and timeouts of the data path.
    pub limits: Limits,
    /// Cancelled when this worker is to end: connections answer what they have begun, then close.
    pub draining: CancellationToken,
    /// Cancelled when even connections to the world outside are to end politely.
    pub closing: CancellationToken,
    /// Connections outwards that were refused.
    pub refusals: Refusals,
    /// Places for looking up names: each takes a thread for as long as a name server may take.
    pub(crate) lookups: Semaphore,
}

impl Gateway {
    /// A gateway without routes.
    #[must_use]
    pub fn new(access_log: AccessLog, limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            table: ArcSwap::from_pointee(CompiledTable::empty()),
            pools: PoolRegistry::default(),
            access_log,
            draining: CancellationToken::new(),
            closing: CancellationToken::new(),
            refusals: Refusals::default(),
            lookups: Semaphore::new(limits.egress_lookups_max),
            limits,
        })
    }

    /// The table of now. Hold it for one request, not for a connection.
    #[must_use]
    pub fn table(&self) -> Guard<Arc<CompiledTable>> {
        self.table.load()
    }

    /// Every pool that has anything to count or to drain.
    #[must_use]
    pub fn pools(&self) -> &PoolRegistry {
        &self.pools
    }

    /// Makes `table` the one that every later request follows. The caller has checked format and generation.
    pub fn apply(&self, table: &RoutingTable) {
        let retired = self.pools.update(table);
        let compiled = Arc::new(CompiledTable::compile(table, &self.pools));
        self.table.store(compiled.clone());
        // Only now: whoever is sent back finds this table, and no other.
        self.pools.follow(&compiled, &retired);
    }
}
