//! Free TCP ports.

use rand::Rng as _;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpListener};
use std::ops::RangeInclusive;

/// Where ports for instances come from: below the range that the system takes for outgoing connections.
pub const INSTANCE_PORTS: RangeInclusive<u16> = 20_000..=29_999;

/// A port of [`INSTANCE_PORTS`] on which nobody listens and which `is_taken` does not know; tried from a random start.
#[must_use]
pub fn find_free(is_taken: impl Fn(u16) -> bool) -> Option<u16> {
    let count = u32::from(INSTANCE_PORTS.end() - INSTANCE_PORTS.start()) + 1;
    let first = rand::rng().random_range(0..count);
    (0..count)
        .filter_map(|offset| u16::try_from(u32::from(*INSTANCE_PORTS.start()) + (first + offset) % count).ok())
        .find(|port| !is_taken(*port) && is_free(*port))
}

/// Whether a program could listen on this port of 127.0.0.1 and of every address.
#[must_use]
pub fn is_free(port: u16) -> bool {
    let can_listen = |address: Ipv4Addr| TcpListener::bind(SocketAddr::V4(SocketAddrV4::new(address, port))).is_ok();
    can_listen(Ipv4Addr::LOCALHOST) && can_listen(Ipv4Addr::UNSPECIFIED)
}

/// A process that listens on a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// Its name: as `ps` shows it, or as it was started where it runs from a file without a name of its own.
    pub name: String,
    /// What it was started with, its own name first; empty where this user may not know.
    pub words: Vec<String>,
}

impl Holder {
    /// What stands behind an option among its words.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        let at = self.words.iter().position(|word| word == name)?;
        self.words.get(at + 1).map(String::as_str)
    }
}

/// Who listens on a TCP port, as far as this user may know.
#[must_use]
pub fn holder(port: u16) -> Option<Holder> {
    #[cfg(target_os = "linux")]
    return crate::linux::sockets::listener_of(port);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = port;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_not_free_and_its_holder_is_known() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert!(!is_free(port));
        #[cfg(target_os = "linux")]
        assert_eq!(holder(port).unwrap().pid, std::process::id());
    }

    #[test]
    fn an_option_is_followed_by_its_value() {
        let words = ["seaworthy", "gateway", "--state-dir", "/home/a/gateway"].map(str::to_owned).to_vec();
        let holder = Holder { pid: 1, name: "seaworthy".to_owned(), words };
        assert_eq!(
            (holder.option("--state-dir"), holder.option("gateway")),
            (Some("/home/a/gateway"), Some("--state-dir"))
        );
        assert_eq!((holder.option("--none"), holder.option("/home/a/gateway")), (None, None));
    }

    #[test]
    fn finds_a_port_in_the_range_and_skips_known_ones() {
        let port = find_free(|_| false).unwrap();
        assert!(INSTANCE_PORTS.contains(&port));
        assert_ne!(find_free(|p| p == port).unwrap(), port);
        assert_eq!(find_free(|_| true), None);
    }
}
