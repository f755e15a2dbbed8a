//! Waiting for a pool that is held.

use std::time::Duration;
use tokio::time::Instant;

/// How many requests wait for one held pool; more are refused at once.
pub(super) const WAITING_MAX: usize = 4096;

/// Why a pool gives no endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The pool was held for as long as a request may wait, or too many wait: 503 with Retry-After.
    #[error("the service is changing over")]
    Held {
        /// When to come again.
        retry_after: Duration,
    },
    /// Every endpoint was tried, or there is none: 502 or 503.
    #[error("no instance answers")]
    NoEndpoint,
    /// The table changed meanwhile: look the request up again. Nothing of it has been sent.
    #[error("the route has changed")]
    Rerouted,
}

/// How long one request still waits for held pools, over all that it may be sent to.
#[derive(Debug, Clone)]
pub struct Patience {
    /// It goes through although the pool is held.
    pub(super) passes_held: bool,
    /// The table that it was routed by, if that matters.
    table: Option<u64>,
    since: Option<Instant>,
}

impl Patience {
    /// Full patience; or, for those that check what is to be released, none needed.
    #[must_use]
    pub fn new(passes_held: bool) -> Self {
        Self { passes_held, table: None, since: None }
    }

    /// Of a request that was routed by the table of this serial number.
    pub(crate) fn routed_by(self, table: u64) -> Self {
        Self { table: Some(table), ..self }
    }

    /// Whether the request was routed by another table than the current one. It is to be routed again then, and that is
    /// taken for granted from here on.
    pub(super) fn is_outdated(&mut self, current: u64) -> bool {
        match &mut self.table {
            Some(table) => std::mem::replace(table, current) != current,
            None => false,
        }
    }

    /// The moment at which it ends, counted from the first wait.
    pub(super) fn deadline(&mut self, held: Duration) -> Instant {
        *self.since.get_or_insert_with(Instant::now) + held
    }
}
