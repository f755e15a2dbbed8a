//! Somebody who carries requests to the same backends.

use crate::bench::process::Server;
use crate::failure::Failure;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

pub(super) struct Contender {
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
    pub(super) server: Server,
}

#[expect(clippy::disallowed_methods, reason = "a throwaway file")]
pub(super) fn write(path: &Path, content: &str) -> Result<(), Failure> {
    fs::write(path, content).map_err(|source| Failure::Io { path: path.to_owned(), source })
}
