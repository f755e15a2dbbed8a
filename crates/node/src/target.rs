//! The engine as a [`Target`], with the gateway told whenever instances come or go.

use crate::traffic::GatewayTraffic;
use seaworthy_deploy::Target;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::LocalTarget;
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};
use std::sync::Arc;

/// What the executor sees as the `local` target.
pub(crate) struct NodeTarget {
    /// The engine.
    pub engine: Arc<LocalTarget>,
    /// The gateway.
    pub traffic: Arc<GatewayTraffic>,
}

impl Target for NodeTarget {
    async fn before(&self, deployment: u64, pool: &PoolSpec) -> Result<(), Diagnostic> {
        self.engine.before(deployment, pool).await
    }

    async fn start(&self, pool: &PoolSpec) -> Result<(), Diagnostic> {
        self.engine.start(pool).await?;
        self.traffic.refresh().await
    }

    async fn healthy(&self, pool: &PoolSpec) -> Result<(), Diagnostic> {
        self.engine.healthy(pool).await
    }

    async fn stop(&self, pool: &PoolId) -> Result<(), Diagnostic> {
        self.engine.stop(pool).await?;
        self.traffic.forget_uncalled().await
    }

    async fn pools(&self, app: &Name, environment: &Name) -> Result<Vec<PoolId>, Diagnostic> {
        self.engine.pools(app, environment).await
    }
}
