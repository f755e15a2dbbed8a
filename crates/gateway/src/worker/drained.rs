//! Waiting until nothing is in flight, and closing what outlives its time.

use crate::Gateway;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long connections that were told to close may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// How often pools are looked at whose drain time may have passed.
const OVERDUE_EVERY: Duration = Duration::from_millis(250);

/// Waits until nothing is in flight to these pools, at most `timeout`, then ends what is politely: a closing frame for
/// a WebSocket, the end of the connection for an answer. Returns what is in flight even so.
pub(super) async fn drained(gateway: &Gateway, ids: &[String], timeout: Duration) -> u64 {
    let pools: Vec<_> = ids.iter().filter_map(|id| gateway.pools().get(id)).collect();
    let all_empty = || async {
        for pool in &pools {
            pool.empty().await;
        }
    };
    if tokio::time::timeout(timeout, all_empty()).await.is_err() {
        pools.iter().for_each(|pool| pool.close());
        let _ = tokio::time::timeout(CLOSE_WITHIN, all_empty()).await;
    }
    pools.iter().map(|pool| pool.in_flight()).sum()
}

/// Closes what outlived the drain time of pools that no route leads to, whether or not anybody asks.
pub(super) async fn close_overdue(gateway: Arc<Gateway>) {
    let mut turns = tokio::time::interval(OVERDUE_EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let now = Instant::now();
        gateway.pools().all().iter().for_each(|pool| pool.close_if_overdue(now));
        gateway.pools().forget_empty();
    }
}
