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

use crate::failure::Failure;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

const USAGE: &str = "usage: cargo xtask bench gateway [--rounds N] [--seconds N] [--connections N] [--binary PATH]
       cargo xtask bench deploy [--rounds N] [--services N] [--peers] [--built]
       cargo xtask bench pipeline [--rounds N] [--binary PATH]
       cargo xtask bench start [--rounds N]
       cargo xtask bench internal [--rounds N] [--seconds N] [--connections N] [--binary PATH]";

/// `cargo xtask bench`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments.split_first() {
        Some((what, rest)) if what == "gateway" => gateway::run(rest),
        Some((what, rest)) if what == "deploy" => deploy::run(rest),
        Some((what, rest)) if what == "internal" => internal::run(rest),
        Some((what, rest)) if what == "start" => start::run(rest),
        Some((what, rest)) if what == "pipeline" => pipeline::run(rest),
        _ => Err(Failure::Usage(USAGE)),
    }
}

/// The value of `--NAME VALUE`, if it is there.
fn text<'a>(arguments: &'a [String], name: &str) -> Result<Option<&'a str>, Failure> {
    match arguments.iter().position(|argument| argument == name) {
        None => Ok(None),
        Some(at) => arguments.get(at + 1).map(|value| Some(value.as_str())).ok_or(Failure::Usage(USAGE)),
    }
}

fn number(arguments: &[String], name: &str, default: u64) -> Result<u64, Failure> {
    text(arguments, name)?.map_or(Ok(default), |value| value.parse().map_err(|_| Failure::Usage(USAGE)))
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
