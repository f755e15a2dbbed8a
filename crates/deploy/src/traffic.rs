//! Who carries an environment's traffic, as the executor sees it.

use crate::counters::Counters;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::pool::PoolId;
use seaworthy_model::traffic::EnvironmentTraffic;
use std::future::Future;
use std::time::Duration;

/// A carrier of traffic. On Kubernetes: HTTPRoute weights and Services, applied and observed.
pub trait Traffic: Send + Sync {
    /// Makes the environment's traffic exactly this; returns when every new request follows it. Kept across restarts.
    fn apply(&self, traffic: &EnvironmentTraffic) -> impl Future<Output = Result<(), Diagnostic>> + Send;

    /// What the environment's traffic is now; `None` if it never had any.
    fn current(
        &self,
        app: &Name,
        environment: &Name,
    ) -> impl Future<Output = Result<Option<EnvironmentTraffic>, Diagnostic>> + Send;

    /// Counts by pool.
    fn counters(&self) -> impl Future<Output = Result<Counters, Diagnostic>> + Send;

    /// Waits until nothing is in flight to this pool's instances, by whatever name it came (those of one pool may
    /// answer for another of the same service), at most this long; what is left then goes on.
    fn quiet(&self, pool: &PoolId, at_most: Duration) -> impl Future<Output = ()> + Send;

    /// Waits until nothing is in flight to these pools, at most this long; what is left then is closed politely.
    fn drained(&self, pools: &[PoolId], drain: Duration) -> impl Future<Output = Result<(), Diagnostic>> + Send;
}
