//! Somebody who carries requests to the same backends.

use super::super::failed;
use super::super::process::Server;
use crate::failure::Failure;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) server: Server,
}

/// An address that nobody has right now.
pub(super) fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("a free port"))?;
    listener.local_addr().map_err(failed("a free port"))
}

#[expect(clippy::disallowed_methods, reason = "a throwaway file")]
pub(super) fn write(path: &Path, content: &str) -> Result<(), Failure> {
    fs::write(path, content).map_err(|source| Failure::Io { path: path.to_owned(), source })
}
