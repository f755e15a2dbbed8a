//! The gateway's table: listeners, routes, pools with opaque labels and addresses. The gateway knows nothing else.
//!
//! It travels as JSON over the gateway's control socket and lies on disk for the worker that starts next.

use crate::release::{Fanout, RouteLimits};
use crate::service::Egress;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// The version of the table's format that this program writes; an unknown one is refused.
pub const ROUTING_FORMAT: u32 = 1;

/// The whole table. Applying it replaces the one before at once: a request sees one table from its head to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoutingTable {
    /// [`ROUTING_FORMAT`].
    pub format: u32,
    /// Grows with every table; an older one than the current is refused.
    pub generation: u64,
    /// Where connections come in, by listener id. The sockets themselves come from the gateway's parent.
    pub listeners: BTreeMap<String, Listener>,
    /// Draw groups (one per environment), by label. A client connection draws one variant per group and keeps it.
    pub groups: BTreeMap<String, Group>,
    /// Routes for [`Purpose::Public`] and [`Purpose::Pinned`] listeners. Host matches exactly (without port, in lower
    /// case), then the longest path prefix on a segment boundary.
    pub routes: Vec<Route>,
    /// Pools by id.
    pub pools: BTreeMap<String, Pool>,
}

/// A place where connections come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    /// The address, for messages and for whoever has to bind it again.
    pub address: ListenAddress,
    /// What happens to what comes in.
    pub purpose: Purpose,
}

/// An address to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenAddress {
    /// TCP.
    Tcp(SocketAddr),
    /// A Unix socket.
    Unix(PathBuf),
    /// TCP in the network of an instance, which holds the socket: nobody outside can bind it.
    Sandboxed {
        /// The instance.
        instance: String,
        /// The address there.
        address: SocketAddr,
    },
}

/// What happens to what comes in on a listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Users: host and path decide, variants are drawn by weight.
    Public,
    /// Checks: as [`Purpose::Public`], but only routes of `group`, and always this variant, whatever its weight.
    Pinned {
        /// The group.
        group: String,
        /// The variant's label.
        variant: String,
    },
    /// A declared call (or a check of a service without a route): everything goes to one pool.
    Internal {
        /// The pool.
        pool: String,
        /// Who calls, if the listener tells; written to the access log, told to the pool and counted.
        caller: Option<String>,
    },
    /// What an instance sends to the world outside, to the destinations that it declared and to no others.
    Egress {
        /// Whose instance it is: `APP/ENV/SERVICE`.
        caller: String,
        /// Where it may go. A listener that is no proxy has one, without a wildcard.
        to: Vec<Egress>,
        /// Connections begin with `CONNECT host:port` (RFC 9110 section 9.3.6); else all go to the one destination.
        proxy: bool,
    },
}

/// A draw group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The variants and their weights, in order; weights add up to 100, or to 0 when nothing is to be reached.
    pub variants: Vec<WeightedVariant>,
}

/// A variant of a draw group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeightedVariant {
    /// An opaque label (the revision's number).
    pub variant: String,
    /// 0 to 100.
    pub weight: u8,
}

/// A route: a host and a path prefix, and per variant who answers. A variant that lacks the route answers 404.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// A label for logs: `APP/ENV/ROUTE`.
    pub id: String,
    /// The draw group.
    pub group: String,
    /// The host, lower case, without port.
    pub host: String,
    /// The path prefix, starting with `/`.
    pub path: String,
    /// By variant label.
    pub variants: BTreeMap<String, RouteVariant>,
}

/// What a route is in one variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteVariant {
    /// Who answers.
    pub to: Destination,
    /// The cookie whose value draws the variant instead of the connection.
    #[serde(default)]
    pub sticky: Option<String>,
    /// Limits.
    #[serde(default)]
    pub limits: RouteLimits,
}

/// Who answers a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    /// One pool.
    Pool(String),
    /// Several: `fanout.services[i]` is answered by `pools[i]`.
    Fanout {
        /// The rule.
        fanout: Fanout,
        /// The pools, in the order of the services.
        pools: Vec<String>,
    },
}

/// Instances that answer alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// A label for logs and counters: `APP/ENV/SERVICE`.
    pub label: String,
    /// What the connections carry.
    pub protocol: crate::service::Protocol,
    /// The instances.
    pub endpoints: Vec<Endpoint>,
    /// How the gateway itself looks after them; `None`: by connecting.
    pub health_path: Option<String>,
    /// When set, new requests and connections wait until it is unset again, at most this long (then 503 with
    /// Retry-After); what is in flight goes on.
    pub held: Option<Duration>,
    /// How long what is in flight may take once the pool is gone from all routes and listeners.
    pub drain: Duration,
}

/// One instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// The instance's id.
    pub id: String,
    /// How it is reached.
    pub address: EndpointAddress,
}

/// How an instance is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum EndpointAddress {
    /// On the machine's own network.
    Tcp(SocketAddr),
    /// In a network of its own, on this port of 127.0.0.1, else of ::1. Whoever listens on the Unix socket gives
    /// sockets that connect there.
    Sandboxed {
        /// The Unix socket.
        socket: PathBuf,
        /// The port.
        port: u16,
    },
}

impl EndpointAddress {
    /// The port that it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        match self {
            Self::Tcp(address) => address.port(),
            Self::Sandboxed { port, .. } => *port,
        }
    }
}

impl From<SocketAddr> for EndpointAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl fmt::Display for EndpointAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Sandboxed { port, .. } => write!(f, "127.0.0.1:{port}"),
        }
    }
}
