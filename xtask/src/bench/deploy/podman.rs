//! The same ten programs under podman-compose, where it runs. It takes all containers down before it recreates any.

use super::{REPLICAS, SERVICES};
use crate::bench::free_address;
use crate::bench::spread::Spread;
use crate::failure::Failure;
use crate::shell;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

/// crun refuses hosts with both versions of cgroups; and no more open files than anybody may have.
const CONTAINERS: &str = r#"[engine]
runtime = "runc"
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
"#;

pub(super) fn row(folder: &Path, program: &Path, rounds: u64) -> Result<String, Failure> {
    let not = |why: &str| Ok(format!("| podman-compose | {why} | |"));
    if !shell::exists("podman") || !shell::exists("podman-compose") {
        return not("not installed: apt-get install podman podman-compose runc");
    }
    let folder = folder.join("podman");
    let image = folder.join("root");
    crate::fresh::create(&image)?;
    if !fill(&image, program)? {
        return not("no image could be made");
    }
    super::write(&folder.join("compose.yaml"), &compose(&image)?)?;
    super::write(&folder.join("containers.conf"), CONTAINERS)?;
    if !run_compose(&folder, &["up", "--detach"])? {
        let _ = run_compose(&folder, &["down", "--timeout", "0"]);
        return not("installed, but runs no container here");
    }
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        run_compose(&folder, &["up", "--detach", "--force-recreate", "--timeout", "0"])?;
        seconds.push(started.elapsed().as_secs_f64());
    }
    run_compose(&folder, &["down", "--timeout", "0"])?;
    // It leaves its network behind, named after the folder.
    shell::capture(&folder, &["podman", "network", "rm", "podman_default"])?;
    Ok(format!("| podman-compose | {:.2} | not counted: all are down meanwhile |", Spread::of(seconds)))
}

/// A root file system with the program and the libraries that it needs.
fn fill(image: &Path, program: &Path) -> Result<bool, Failure> {
    let listed = shell::capture(image, &["ldd", &program.to_string_lossy()])?;
    let libraries = listed.split_whitespace().filter(|word| word.starts_with('/'));
    for library in libraries {
        let to = image.join(library.trim_start_matches('/'));
        crate::fresh::create(to.parent().unwrap_or(image))?;
        if fs::copy(library, &to).is_err() {
            return Ok(false);
        }
    }
    Ok(fs::copy(program, image.join("bench-service")).is_ok())
}

fn compose(image: &Path) -> Result<String, Failure> {
    let mut text = "services:\n".to_owned();
    for index in 0..SERVICES * REPLICAS {
        let address = free_address()?;
        let _ = write!(
            text,
            "  p{index}:\n    build: {image}\n    image: localhost/seaworthy-bench:latest\n    \
             ports: [\"{address}:8080\"]\n    environment: {{ PORT: \"8080\", HOST: 0.0.0.0 }}\n",
            image = image.display()
        );
    }
    super::write(&image.join("Dockerfile"), "FROM scratch\nCOPY . /\nENTRYPOINT [\"/bench-service\"]\n")?;
    Ok(text)
}

fn run_compose(folder: &Path, words: &[&str]) -> Result<bool, Failure> {
    let mut all = vec!["podman-compose"];
    all.extend(words);
    let mut command = shell::command(folder, &all);
    command.env("CONTAINERS_CONF", folder.join("containers.conf"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status().is_ok_and(|status| status.success()))
}
