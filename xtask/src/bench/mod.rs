//! `cargo xtask bench`: figures, never a verdict in CI. They hold for the machine on which they were taken, and only beside
//! each other: what is compared runs in turns, round after round.

mod gateway;
mod process;
mod spread;
mod wrk;

use crate::failure::Failure;

const USAGE: &str = "usage: cargo xtask bench gateway [--rounds N] [--seconds N] [--connections N]";

/// `cargo xtask bench`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    match arguments.split_first() {
        Some((what, rest)) if what == "gateway" => gateway::run(rest),
        _ => Err(Failure::Usage(USAGE)),
    }
}

/// The value of `--NAME N`, if it is there.
fn number(arguments: &[String], name: &str, default: u64) -> Result<u64, Failure> {
    match arguments.iter().position(|argument| argument == name) {
        None => Ok(default),
        Some(at) => arguments.get(at + 1).and_then(|text| text.parse().ok()).ok_or(Failure::Usage(USAGE)),
    }
}

/// Something that a bench needs and that went wrong.
fn failed<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> Failure {
    let what = what.to_owned();
    move |error| Failure::Bench(format!("{what}: {error}"))
}
