//! Choosing an endpoint.

use super::{EndpointKey, EndpointState, Lease, Patience, PoolState, Unavailable};
use crate::pool::hold::WAITING_MAX;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// When whoever was held too long may come again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl PoolState {
    /// An endpoint for one attempt of a request: the one with the least in flight among the eligible that were not
    /// `tried` yet. Waits while the pool is held, then always answers [`Unavailable::Rerouted`]: what was waited for
    /// may well be another pool.
    pub async fn acquire(
        self: &Arc<Self>,
        tried: &[EndpointKey],
        patience: &mut Patience,
    ) -> Result<Lease, Unavailable> {
        // Counted first, looked second: whoever changes the table and then sees nothing in flight can rely on it.
        let lease = self.begin_pool();
        // Only the first attempt: what was sent already stays where it is.
        let is_outdated = tried.is_empty() && patience.is_outdated(self.current_table());
        if is_outdated || self.is_retired() {
            return Err(Unavailable::Rerouted);
        }
        let held = self.settings().held;
        match held {
            Some(held) if !patience.passes_held => {
                drop(lease);
                Err(self.wait_while_held(held, patience).await)
            }
            _ => self.choose(tried).map(|endpoint| lease.to(endpoint)).ok_or(Unavailable::NoEndpoint),
        }
    }

    /// Waits until the table changes for a held pool; at once if it is not held.
    pub(crate) async fn released(self: &Arc<Self>, patience: &mut Patience) -> Result<(), Unavailable> {
        let held = self.settings().held;
        match held {
            Some(held) if !patience.passes_held => Err(self.wait_while_held(held, patience).await),
            _ => Ok(()),
        }
    }

    /// Waits; why there is no lease even so.
    async fn wait_while_held(self: &Arc<Self>, held: Duration, patience: &mut Patience) -> Unavailable {
        let refused = Unavailable::Held { retry_after: RETRY_AFTER };
        let changed = self.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        // It may have been released between the first look and this one.
        if self.is_retired() || self.settings().held.is_none() {
            return Unavailable::Rerouted;
        }
        let Some(_waiting) = Waiting::enter(self) else { return refused };
        match tokio::time::timeout_at(patience.deadline(held), changed).await {
            Ok(()) => Unavailable::Rerouted,
            Err(_) => refused,
        }
    }

    fn choose(&self, tried: &[EndpointKey]) -> Option<Arc<EndpointState>> {
        let settings = self.settings();
        let endpoints = &settings.endpoints;
        let count = endpoints.len();
        if count == 0 {
            return None;
        }
        // Who is first among equals moves on, or the first endpoint of an idle pool would answer everything.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % count;
        let in_turn = || endpoints[turn..].iter().chain(&endpoints[..turn]).filter(|e| !tried.contains(&e.key));
        let best = in_turn().filter(|e| e.is_eligible()).min_by_key(|e| e.in_flight());
        // With all of them ejected one that may have come back is better than a certain error.
        best.or_else(|| in_turn().min_by_key(|e| e.badness())).cloned()
    }
}

/// A place in the bounded queue of those that wait for a held pool.
struct Waiting<'a>(&'a PoolState);

impl<'a> Waiting<'a> {
    fn enter(pool: &'a PoolState) -> Option<Self> {
        let place = Self(pool);
        (pool.waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX).then_some(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
