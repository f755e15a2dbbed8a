//! The addresses of called services, for an engine that is made before the gateway is started.

use super::GatewayTraffic;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::{CallAddresses, CalleeFuture, OpenedFuture, ProtocolFuture};
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};
use std::sync::{Arc, OnceLock};

/// Knows the gateway as soon as there is one.
#[derive(Clone, Default)]
pub(crate) struct LateCalls(Arc<OnceLock<Arc<GatewayTraffic>>>);

impl LateCalls {
    /// There is one.
    pub(crate) fn set(&self, traffic: &Arc<GatewayTraffic>) {
        let _ = self.0.set(Arc::clone(traffic));
    }

    fn traffic(&self) -> Result<&Arc<GatewayTraffic>, Diagnostic> {
        self.0.get().ok_or_else(|| Diagnostic::machine("the gateway is not there yet").later())
    }
}

impl CallAddresses for LateCalls {
    fn callee<'a>(&'a self, _caller: &'a PoolSpec, _service: &'a Name, callee: &'a PoolId) -> CalleeFuture<'a> {
        Box::pin(async move { self.traffic()?.callee(callee).await })
    }

    fn protocol<'a>(&'a self, callee: &'a PoolId) -> ProtocolFuture<'a> {
        Box::pin(async move { self.traffic()?.protocol(callee) })
    }

    fn opened(&self) -> OpenedFuture<'_> {
        Box::pin(async move { self.traffic()?.refresh().await })
    }
}
