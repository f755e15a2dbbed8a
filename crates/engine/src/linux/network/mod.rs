//! The network of one instance: a namespace in which there is nothing but its own loopback, and on that the listeners
//! of its calls.

mod netlink;
mod redirect;

pub(crate) use redirect::try_to_redirect;

use crate::wire::Network;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use std::io;
use std::net::TcpListener;
use std::os::fd::OwnedFd;

/// From here on a program that is nobody may listen on any number: there is nobody else in its network.
const UNPRIVILEGED_PORT_START: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

/// In the shim, once, when its network is an empty one in which `lo` is up: everything that stands in it, with the
/// listeners by name. They listen from here on: who connects early waits for the gateway, and is not refused.
pub(crate) fn prepare(network: &Network) -> io::Result<Vec<(String, TcpListener)>> {
    // Some machines do not let anybody write there; then only programs on numbers below 1024 notice.
    let _ = write_setting(UNPRIVILEGED_PORT_START, "0");
    for address in &network.addresses {
        netlink::add_address(*address)
            .map_err(|error| said(&error, format_args!("cannot have the address {address}")))?;
    }
    let mut listeners = Vec::new();
    for listener in &network.listeners {
        let socket = TcpListener::bind(listener.address).map_err(|error| {
            said(&error, format_args!("cannot listen on {} for `{}`", listener.address, listener.name))
        })?;
        socket.set_nonblocking(true)?;
        listeners.push((listener.name.clone(), socket));
    }
    redirect::install(&network.redirects)?;
    Ok(listeners)
}

/// A socket of this process's network that is not connected yet.
pub(crate) fn stream_socket(ipv6: bool) -> io::Result<OwnedFd> {
    let family = if ipv6 { AddressFamily::Inet6 } else { AddressFamily::Inet };
    Ok(socket(family, SockType::Stream, SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK, None)?)
}

fn write_setting(path: &str, value: &str) -> io::Result<()> {
    io::Write::write_all(&mut std::fs::File::options().write(true).open(path)?, value.as_bytes())
}

fn said(error: &io::Error, what: std::fmt::Arguments<'_>) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}
