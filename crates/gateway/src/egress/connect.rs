//! Connecting to a destination outside: looked up, judged, and connected to the very address that was judged.

use super::address::{AddressKind, own_addresses};
use super::destination::Destination;
use crate::Gateway;
use seaworthy_model::service::Egress;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// Why there is no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoWay {
    /// No declared destination means it.
    Undeclared,
    /// It turned out to be in a private network.
    Private,
    /// It turned out to be this machine.
    Node,
    /// It turned out to be an address that nobody is let to.
    Forbidden,
    /// Its name cannot be looked up.
    Unknown,
    /// Nobody answers there.
    Unreached,
}

impl NoWay {
    /// In a word, for the access log.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::Undeclared => "egress-undeclared",
            Self::Private => "egress-private",
            Self::Node => "egress-node",
            Self::Forbidden => "egress-forbidden",
            Self::Unknown => "egress-unknown",
            Self::Unreached => "egress-unreached",
        }
    }

    /// The status that stands for it.
    #[must_use]
    pub fn status(self) -> u16 {
        if self.is_refusal() { 403 } else { 502 }
    }

    /// Whether the gateway refused, rather than the world.
    #[must_use]
    pub fn is_refusal(self) -> bool {
        !matches!(self, Self::Unknown | Self::Unreached)
    }

    /// In a sentence.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Undeclared => "it is not declared in `egress`",
            Self::Private => "its address is of a private network",
            Self::Node => "its address is this machine's own",
            Self::Forbidden => "its address is link-local, or one that no program is let to",
            Self::Unknown => "its name has no address",
            Self::Unreached => "nobody accepts connections there",
        }
    }

    /// What to write into the manifest where it is to be allowed.
    #[must_use]
    pub fn line_to_add(self, to: &Destination) -> Option<String> {
        match self {
            Self::Undeclared => Some(format!("egress = [\"{to}\"]")),
            Self::Private => Some(format!("egress = [{{ to = \"{to}\", private = true }}]")),
            Self::Node => Some(format!("egress = [{{ to = \"{to}\", node = true }}]")),
            Self::Forbidden | Self::Unknown | Self::Unreached => None,
        }
    }
}

/// A connection to a declared destination.
pub(super) async fn connect(to: &Destination, egress: &Egress, gateway: &Gateway) -> Result<TcpStream, NoWay> {
    let addresses = look_up(to, gateway).await?;
    let allowed = judge(&addresses, egress)?;
    let limits = &gateway.limits;
    let trying = async {
        for address in allowed.into_iter().take(limits.egress_addresses_max) {
            if let Ok(stream) = TcpStream::connect(address).await {
                return Some(stream);
            }
        }
        None
    };
    let connected = tokio::time::timeout(limits.egress_connect_timeout, trying).await;
    let stream = connected.ok().flatten().ok_or(NoWay::Unreached)?;
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn look_up(to: &Destination, gateway: &Gateway) -> Result<Vec<SocketAddr>, NoWay> {
    let looking = async {
        let _place = gateway.lookups.acquire().await.map_err(io::Error::other)?;
        io::Result::Ok(tokio::net::lookup_host((to.host.as_str(), to.port)).await?.collect::<Vec<_>>())
    };
    match tokio::time::timeout(gateway.limits.egress_lookup_timeout, looking).await {
        Ok(Ok(addresses)) if !addresses.is_empty() => Ok(addresses),
        _ => Err(NoWay::Unknown),
    }
}

/// The addresses that may be connected to; if there is none, why not.
fn judge(addresses: &[SocketAddr], egress: &Egress) -> Result<Vec<SocketAddr>, NoWay> {
    let own = own_addresses();
    let kind = |address: &SocketAddr| AddressKind::of(address.ip(), &own);
    let allowed: Vec<SocketAddr> = addresses.iter().filter(|a| kind(a).is_allowed_by(egress)).copied().collect();
    if !allowed.is_empty() {
        return Ok(allowed);
    }
    Err(match addresses.first().map(kind) {
        Some(AddressKind::Private) => NoWay::Private,
        Some(AddressKind::Node) => NoWay::Node,
        _ => NoWay::Forbidden,
    })
}
