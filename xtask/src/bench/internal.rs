//! `cargo xtask bench internal`: what a call between services costs the gateway, beside a request from outside. The
//! same instance answers both: wrk once runs on the machine, once in the sandbox of a service that declares the call.

use super::process::cpu_seconds;
use super::spread::Spread;
use super::{failed, free_address, wrk};
use crate::bench_options::Options;
use crate::failure::Failure;
use crate::{output, shell, workspace};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const MANIFEST: &str = "\
app = \"bench\"

[services.back]
files = [\"bench-service\", \"version\"]
run = [\"./bench-service\"]

[services.load]
files = [\"version\"]
base = [\"wrk\", \"coreutils\"]
run = [\"sleep\", \"infinity\"]
port = false
calls = [\"back\"]

[routes.back]
host = \"back.localhost\"
service = \"back\"

[environments.bench]
";
const HOST: &str = "bench.back.localhost";

/// One measurement.
#[derive(Clone, Copy)]
struct Sample {
    cpu_us_per_request: f64,
    load: wrk::Load,
}

/// `cargo xtask bench internal [--rounds N] [--seconds N] [--connections N] [--binary PATH]`.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let rounds = options.number("--rounds", 9).max(1);
    let seconds = options.number("--seconds", 4).max(1);
    let connections = options.number("--connections", 64).max(1);
    if !shell::exists("wrk") {
        return Err(Failure::Bench("`wrk` is missing: apt-get install wrk".to_owned()));
    }
    let root = workspace::root();
    let build = ["cargo", "build", "--quiet", "--release", "--locked", "--package=xtask", "--bin=bench-service"];
    shell::run(&root, &build)?;
    let binary = super::binary(options)?;
    let folder = tempfile::tempdir().map_err(failed("a temporary folder"))?;
    seaworthy_host::files::set_mode(folder.path(), 0o711).map_err(failed("a temporary folder"))?;
    let node = Node::start(binary, folder.path(), &root.join("target/release/bench-service"))?;
    let mut samples = [Vec::new(), Vec::new()];
    node.sample(true, connections, 1)?;
    node.sample(false, connections, 1)?;
    for round in 0..rounds {
        for turn in [round % 2, (round + 1) % 2] {
            let sample = node.sample(turn == 1, connections, seconds)?;
            samples[usize::from(turn == 1)].push(sample);
        }
        output::line(format!("round {} of {rounds}", round + 1));
    }
    print(&samples);
    Ok(())
}

fn print([outside, inside]: &[Vec<Sample>; 2]) {
    output::line(
        "\nmedian (least–greatest) of all rounds\n\n| from | gateway's CPU µs/request | requests/s | p50 ms | p99 ms |",
    );
    output::line("|---|---|---|---|---|");
    for (name, samples) in [("outside", outside), ("a service", inside)] {
        let of = |figure: fn(&Sample) -> f64| Spread::of(samples.iter().map(figure));
        output::line(format!(
            "| {name} | {:.2} | {:.0} | {:.2} | {:.2} |",
            of(|sample| sample.cpu_us_per_request),
            of(|sample| sample.load.requests_per_second),
            of(|sample| sample.load.median_ms),
            of(|sample| sample.load.p99_ms),
        ));
    }
    let ratio =
        Spread::of(inside.iter().zip(outside).map(|(own, other)| own.cpu_us_per_request / other.cpu_us_per_request));
    output::line(format!("\nCPU of a call as a ratio to that of a request in the same round: {ratio:.2}"));
}

/// A node with the app on it; both end when this is dropped.
struct Node {
    binary: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
}

impl Node {
    fn start(binary: PathBuf, folder: &Path, service: &Path) -> Result<Self, Failure> {
        let files = [("seaworthy.toml", MANIFEST), ("version", "1\n")];
        for (name, text) in files {
            seaworthy_host::files::write_atomic(&folder.join(name), text.as_bytes(), 0o644).map_err(failed(name))?;
        }
        for name in ["back", "load"] {
            crate::fresh::create(&folder.join(name))?;
            std::fs::copy(folder.join("version"), folder.join(name).join("version")).map_err(failed("a file"))?;
        }
        std::fs::copy(service, folder.join("back/bench-service")).map_err(failed("the service's program"))?;
        let node = Self { binary, folder: folder.to_owned(), address: free_address()? };
        node.verb(&["up", "bench"])?;
        Ok(node)
    }

    fn command(&self, words: &[&str]) -> Command {
        let binary = self.binary.to_string_lossy();
        let words: Vec<&str> = [binary.as_ref()].into_iter().chain(words.iter().copied()).collect();
        let mut command = shell::command(&self.folder, &words);
        command.env("SEAWORTHY_HOME", self.folder.join("home"));
        command.env("SEAWORTHY_PORT", self.address.port().to_string());
        command.env("SEAWORTHY_GATEWAY_THREADS", "1").stdin(Stdio::null());
        command
    }

    fn verb(&self, words: &[&str]) -> Result<String, Failure> {
        let output = self.command(words).output().map_err(failed("seaworthy"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(Failure::Bench(format!("`seaworthy {}` failed: {}\n{said}", words.join(" "), output.status)))
    }

    fn gateway(&self) -> Result<u32, Failure> {
        let status: serde_json::Value =
            serde_json::from_str(&self.verb(&["node", "status", "--json"])?).map_err(failed("node status"))?;
        let pid = status["gateway_pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
        pid.ok_or_else(|| Failure::Bench("the gateway does not run".to_owned()))
    }

    fn sample(&self, inside: bool, connections: u64, seconds: u64) -> Result<Sample, Failure> {
        let gateway = self.gateway()?;
        let before = cpu_seconds(gateway);
        let load = if inside {
            let words = wrk::words("http://back:80/bench", "back", connections, seconds);
            let mut all = vec!["exec", "bench", "load", "--"];
            all.extend(words.iter().map(String::as_str));
            wrk::parse(&self.verb(&all)?)?
        } else {
            wrk::load(self.address, HOST, connections, seconds)?
        };
        let used = cpu_seconds(gateway) - before;
        if load.errors > 0 {
            return Err(Failure::Bench(format!("{} errors", load.errors)));
        }
        Ok(Sample { cpu_us_per_request: used * 1e6 / load.requests, load })
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.verb(&["node", "stop", "--all"]);
    }
}
