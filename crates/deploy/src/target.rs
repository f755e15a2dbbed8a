//! Where an environment runs, as the executor sees it. Every call may be repeated: a node that was killed in the middle
//! of one makes the same call again.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};
use std::future::Future;

/// A target: it owns instances. On Kubernetes a pool is a Deployment object; `start` applies it, `healthy` observes its
/// status, `stop` deletes it.
pub trait Target: Send + Sync {
    /// Runs the pool's `before` commands, in order, in its image, with its values; waits for them. A command that is
    /// already running for this deployment (the node was killed meanwhile) is waited for, not started again.
    fn before(&self, deployment: u64, pool: &PoolSpec) -> impl Future<Output = Result<(), Diagnostic>> + Send;

    /// Brings the number of instances to `pool.tuning.replicas` and its times to the others of `pool.tuning`; returns
    /// when they are started, not when they are healthy. Instances that run already are left alone; one too many gets
    /// no new requests, finishes what is in flight within `drain`, and is ended as by [`Target::stop`].
    fn start(&self, pool: &PoolSpec) -> impl Future<Output = Result<(), Diagnostic>> + Send;

    /// Waits until every instance has been healthy for `healthy_for`, at most `start_timeout` plus that. A crash loop
    /// fails at once, with the last lines of its log as evidence.
    fn healthy(&self, pool: &PoolSpec) -> impl Future<Output = Result<(), Diagnostic>> + Send;

    /// Asks every instance of the pool to end (SIGTERM), and its `before` commands where they still run, ends them
    /// after the grace time (SIGKILL), and forgets the pool. A pool that does not exist is no error.
    fn stop(&self, pool: &PoolId) -> impl Future<Output = Result<(), Diagnostic>> + Send;

    /// The pools of an environment that have instances, whatever their health.
    fn pools(&self, app: &Name, environment: &Name) -> impl Future<Output = Result<Vec<PoolId>, Diagnostic>> + Send;
}
