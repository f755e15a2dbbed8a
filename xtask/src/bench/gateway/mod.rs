//! `cargo xtask bench gateway`: the same requests through HAProxy, nginx and Seaworthy's gateway, one worker each.

mod contender;
mod haproxy;
mod nginx;
mod report;
mod seaworthy;

use super::process::Server;
use super::{failed, wrk};
use crate::bench_options::Options;
use crate::failure::Failure;
use crate::{output, shell};
use contender::Contender;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// The host of every request: everybody routes by it.
const HOST: &str = "bench.localhost";

/// One measurement of one contender.
#[derive(Debug, Clone, Copy)]
struct Sample {
    cpu_us_per_request: f64,
    memory_bytes: u64,
    load: wrk::Load,
}

/// `cargo xtask bench gateway [--rounds N] [--seconds N] [--connections N] [--binary PATH]`.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let rounds = options.number("--rounds", 9).max(1);
    let seconds = options.number("--seconds", 4).max(1);
    let connections = options.number("--connections", 64).max(1);
    for program in ["haproxy", "nginx", "wrk"] {
        if !shell::exists(program) {
            return Err(Failure::Bench(format!("`{program}` is missing: apt-get install haproxy nginx-light wrk")));
        }
    }
    let binary = super::binary(options)?;
    let folder = tempfile::tempdir().map_err(failed("a temporary folder"))?;
    let (_backend, backends) = nginx::backend(folder.path())?;
    let mut contenders = contenders(&binary, folder.path(), &backends)?;
    let mut samples = vec![Vec::new(); contenders.len()];
    output::line(format!("{rounds} rounds of {seconds} s each, {connections} connections, by turns"));
    for contender in &contenders {
        wrk::load(contender.address, HOST, connections, 1)?;
    }
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            // Whoever comes first in a round is another one each time.
            let index = (turn + round as usize) % contenders.len();
            samples[index].push(sample(&contenders[index], connections, seconds)?);
            std::thread::sleep(Duration::from_millis(200));
        }
        output::line(format!("round {} of {rounds}", round + 1));
    }
    let named: Vec<(&str, &[Sample])> =
        contenders.iter().map(|contender| contender.name).zip(samples.iter().map(Vec::as_slice)).collect();
    report::print(&named);
    contenders.clear();
    Ok(())
}

fn contenders(binary: &Path, folder: &Path, backends: &[SocketAddr]) -> Result<Vec<Contender>, Failure> {
    Ok(vec![
        haproxy::start(folder, backends, true)?,
        haproxy::start(folder, backends, false)?,
        nginx::start(folder, backends)?,
        seaworthy::start(binary, folder, backends)?,
    ])
}

fn sample(contender: &Contender, connections: u64, seconds: u64) -> Result<Sample, Failure> {
    let server: &Server = &contender.server;
    let before = server.cpu_seconds();
    let load = wrk::load(contender.address, HOST, connections, seconds)?;
    let used = server.cpu_seconds() - before;
    if load.errors > 0 {
        return Err(Failure::Bench(format!("{}: {} errors", contender.name, load.errors)));
    }
    let cpu_us_per_request = used * 1e6 / load.requests;
    Ok(Sample { cpu_us_per_request, memory_bytes: server.memory_bytes(), load })
}
