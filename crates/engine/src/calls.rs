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

/// What a callee speaks, sooner or later.
pub type ProtocolFuture<'a> = Pin<Box<dyn Future<Output = Result<Protocol, Diagnostic>> + Send + 'a>>;
/// Done, sooner or later.
pub type OpenedFuture<'a> = Pin<Box<dyn Future<Output = Result<(), Diagnostic>> + Send + 'a>>;
/// A callee's address, sooner or later.
pub type CalleeFuture<'a> = Pin<Box<dyn Future<Output = Result<Callee, Diagnostic>> + Send + 'a>>;

/// Knows where callees answer.
pub trait CallAddresses: Send + Sync {
    /// Where `caller` reaches `callee`, its service `service`. When it returns, somebody listens there.
    fn callee<'a>(&'a self, caller: &'a PoolSpec, service: &'a Name, callee: &'a PoolId) -> CalleeFuture<'a>;

    /// What a callee speaks, for a caller in a network of its own: there its address is known.
    fn protocol<'a>(&'a self, callee: &'a PoolId) -> ProtocolFuture<'a>;

    /// A command in a network of its own has begun ([`crate::LocalTarget::networks`]): when this returns, its calls are
    /// answered. Instances need none of this: whoever starts them looks.
    fn opened(&self) -> OpenedFuture<'_>;
}

/// How a program reaches a callee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reach {
    /// A name that resolves where the program is, or an address.
    pub(crate) host: String,
    /// The port.
    pub(crate) port: u16,
    /// What is spoken there.
    pub(crate) protocol: Protocol,
}

impl Reach {
    /// The scheme, and the port where the scheme does not say it.
    pub(crate) fn url(&self) -> String {
        let Self { host, port, protocol } = self;
        match (protocol, port) {
            (Protocol::Http, 80) => format!("http://{host}"),
            (Protocol::Http, port) => format!("http://{host}:{port}"),
            (Protocol::Tcp, port) => format!("tcp://{host}:{port}"),
        }
    }
}

impl From<Callee> for Reach {
    fn from(Callee { address, protocol }: Callee) -> Self {
        Self { host: address.ip().to_string(), port: address.port(), protocol }
    }
}
