//! What the worker counted.

use crate::control::PoolCount;
use crate::table::PoolRegistry;
use std::collections::BTreeMap;

/// Counts of every pool that the table names or that has something in flight.
#[must_use]
pub fn counters(pools: &PoolRegistry) -> BTreeMap<String, PoolCount> {
    let count = |pool: &crate::pool::PoolState| {
        let (requests, errors) = pool.counted();
        PoolCount {
            requests,
            errors,
            in_flight: pool.in_flight(),
            closed: pool.counted_closed(),
            disagreed: pool.fanout.disagreed(),
            failed: pool.fanout.failed(),
            late: pool.fanout.late(),
            callers: pool.counted_by_caller(),
        }
    };
    pools.all().iter().map(|pool| (pool.id().to_owned(), count(pool))).collect()
}
