//! A request's hold on a pool and an endpoint.

use super::{EndpointState, PoolState};
use std::sync::Arc;

/// What became of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// An answer's head came back.
    Answered(u16),
    /// The connection was refused, reset or timed out before it stood.
    ConnectFailed,
    /// It broke before the answer was whole.
    Broken,
    /// No answer in time.
    TimedOut,
}

/// One attempt of a request, or one upgraded or TCP connection, counted as in flight until it is dropped.
#[derive(Debug)]
pub struct Lease {
    pool: PoolLease,
    endpoint: Arc<EndpointState>,
}

impl Lease {
    /// The instance.
    #[must_use]
    pub fn endpoint(&self) -> &Arc<EndpointState> {
        &self.endpoint
    }

    /// The pool.
    #[must_use]
    pub fn pool(&self) -> &Arc<PoolState> {
        &self.pool.0
    }

    /// Tells what became of the attempt, for the endpoint's health. [`PoolState::count`] counts the request.
    pub fn report(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Answered(_) => self.endpoint.connected(),
            Outcome::ConnectFailed => self.endpoint.connect_failed(),
            // It accepted and then failed this request: its health page is the better judge.
            Outcome::Broken | Outcome::TimedOut => {}
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.endpoint.end();
    }
}

/// Counted in the pool, not yet for an endpoint.
#[derive(Debug)]
pub(super) struct PoolLease(Arc<PoolState>);

impl PoolLease {
    /// Counted for an endpoint too.
    pub(super) fn to(self, endpoint: Arc<EndpointState>) -> Lease {
        endpoint.begin();
        Lease { pool: self, endpoint }
    }
}

impl Drop for PoolLease {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl PoolState {
    pub(super) fn begin_pool(self: &Arc<Self>) -> PoolLease {
        self.begin();
        PoolLease(self.clone())
    }
}
