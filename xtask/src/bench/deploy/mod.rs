//! `cargo xtask bench deploy`: how long a deployment takes, what it loses, and what it costs to be there.

mod app;
mod growth;
mod load;
mod machine;
mod podman;
mod roll;
mod supervisord;

use super::failed;
use crate::bench_options::Options;
use crate::failure::Failure;
use crate::{output, shell, workspace};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

const SERVICES: usize = 5;
const REPLICAS: usize = 2;

/// `cargo xtask bench deploy [--rounds N] [--services N] [--peers] [--built]`: `--services` is where the growth ends,
/// 0: no growth; `--peers`: the others alone; `--built`: with the executables that are there.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let rounds = options.number("--rounds", 7).max(1);
    let services = options.number("--services", 200);
    let root = workspace::root();
    let release = root.join("target/release");
    let program = release.join("bench-service");
    let folder = folder()?;
    let folder = folder.path();
    let built = options.has("--built");
    if !built {
        build(&root, "xtask")?;
    }
    if options.has("--peers") {
        return peers(folder, &program, rounds);
    }
    if !built {
        build(&root, "seaworthy-cli")?;
        build(&root, "seaworthy-check")?;
    }
    let rolled = roll::run(folder, &release, &program, rounds)?;
    output::line(format!("\n{SERVICES} services x {REPLICAS} instances, every one replaced, {rounds} rounds\n"));
    output::line("| who | seconds | requests lost |\n|---|---|---|");
    output::line(format!("| seaworthy, no load | {:.2} | |", rolled.idle));
    let roll::Rolled { rate, loaded, lost, requests, .. } = rolled;
    output::line(format!("| seaworthy, {rate} requests/s | {loaded:.2} | {lost} of {requests} |"));
    peers(folder, &program, rounds)?;
    output::line("\nidle memory, shared pages divided\n\n| role | processes | MB |\n|---|---|---|");
    for (role, (count, bytes)) in rolled.memory {
        output::line(format!("| {role} | {count} | {:.1} |", bytes as f64 / 1e6));
    }
    growth::print(folder, &release, &program, services)
}

fn build(root: &Path, package: &str) -> Result<(), Failure> {
    shell::run(root, &["cargo", "build", "--quiet", "--release", "--locked", "--package", package])
}

fn peers(folder: &Path, program: &Path, rounds: u64) -> Result<(), Failure> {
    output::line(supervisord::row(folder, program, rounds)?);
    output::line(podman::row(folder, program, rounds)?);
    Ok(())
}

/// Others than its owner must be able to enter: services have users of their own.
fn folder() -> Result<tempfile::TempDir, Failure> {
    let mut builder = tempfile::Builder::new();
    let folder = builder.prefix("seaworthy-bench-").permissions(fs::Permissions::from_mode(0o755)).tempdir();
    folder.map_err(failed("a temporary folder"))
}

#[expect(clippy::disallowed_methods, reason = "a throwaway file")]
fn write(path: &Path, content: &str) -> Result<(), Failure> {
    fs::write(path, content).map_err(|source| Failure::Io { path: PathBuf::from(path), source })
}
