//! Where a service reaches the services that it calls: whoever carries the traffic knows.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::service::Protocol;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

/// Where a callee answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Callee {
    /// The listener behind which it is.
    pub address: SocketAddr,
    /// What it speaks.
    pub protocol: Protocol,
}

/// A callee's address, sooner or later.
pub type CalleeFuture<'a> = Pin<Box<dyn Future<Output = Result<Callee, Diagnostic>> + Send + 'a>>;

/// Knows where callees answer.
pub trait CallAddresses: Send + Sync {
    /// Where `caller` reaches `callee`, its service `service`. When it returns, somebody listens there.
    fn callee<'a>(&'a self, caller: &'a PoolSpec, service: &'a Name, callee: &'a PoolId) -> CalleeFuture<'a>;
}
