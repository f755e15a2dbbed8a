//! `cargo xtask bench`: figures, never a verdict in CI. They hold for the machine on which they were taken, and only
//! beside each other: what is compared runs in turns, round after round.

mod deploy;
mod gateway;
mod internal;
mod pipeline;
mod process;
mod spread;
mod start;
mod wrk;

use crate::bench_options::Options;
use crate::failure::Failure;
use crate::{shell, workspace};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;

/// `cargo xtask bench`.
pub(crate) fn run(options: &Options) -> Result<(), Failure> {
    match options.bench {
        "gateway" => gateway::run(options),
        "deploy" => deploy::run(options),
        "internal" => internal::run(options),
        "start" => start::run(options),
        _ => pipeline::run(options),
    }
}

/// What `--binary` names, else what is built from here.
fn binary(options: &Options) -> Result<PathBuf, Failure> {
    if let Some(path) = options.text("--binary") {
        return std::path::absolute(path).map_err(failed("--binary"));
    }
    let root = workspace::root();
    shell::run(&root, &["cargo", "build", "--quiet", "--release", "--locked", "--package=seaworthy-cli"])?;
    Ok(root.join("target/release/seaworthy"))
}

/// Something that a bench needs and that went wrong.
fn failed<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Failure {
    let what = what.to_owned();
    move |error| Failure::Bench(format!("{what}: {error}"))
}

/// An address that nobody has right now.
fn free_address() -> Result<SocketAddr, Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("a free port"))?;
    listener.local_addr().map_err(failed("a free port"))
}
