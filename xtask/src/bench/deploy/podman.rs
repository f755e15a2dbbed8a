//! The same ten programs under podman-compose, where it runs: containers recreated, service by service.

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

pub(super) fn row(folder: &Path, program: &Path, rounds: u64) -> Result<String, Failure> {
    let not = |why: &str| Ok(format!("| podman-compose | {why} | |"));
    if !shell::exists("podman") || !shell::exists("podman-compose") {
        return not("not installed");
    }
    let folder = folder.join("podman");
    let image = folder.join("root");
    crate::fresh::create(&image)?;
    if !fill(&image, program)? {
        return not("no image could be made");
    }
    super::write(&folder.join("compose.yaml"), &compose(&image)?)?;
    let first = compose_words(&folder, &["up", "--detach"])?;
    if !first {
        let _ = compose_words(&folder, &["down", "--timeout", "0"]);
        return not("installed, but runs no container here");
    }
    let mut seconds = Vec::new();
    for _ in 0..rounds {
        let started = Instant::now();
        for index in 0..SERVICES * REPLICAS {
            compose_words(&folder, &["up", "--detach", "--force-recreate", "--no-deps", &format!("p{index}")])?;
        }
        seconds.push(started.elapsed().as_secs_f64());
    }
    compose_words(&folder, &["down", "--timeout", "0"])?;
    Ok(format!("| podman-compose | {:.2} | not counted: nothing stands before it |", Spread::of(seconds)))
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
            "  p{index}:\n    build: {image}\n    image: localhost/seaworthy-bench:latest\n    network_mode: host\n    \
             stop_grace_period: 1s\n    environment: {{ PORT: \"{port}\", HOST: 127.0.0.1 }}\n",
            image = image.display(),
            port = address.port()
        );
    }
    super::write(&image.join("Dockerfile"), "FROM scratch\nCOPY . /\nENTRYPOINT [\"/bench-service\"]\n")?;
    Ok(text)
}

fn compose_words(folder: &Path, words: &[&str]) -> Result<bool, Failure> {
    let mut all = vec!["podman-compose", "--podman-args=--runtime=runc"];
    all.extend(words);
    let mut command = shell::command(folder, &all);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command.status().is_ok_and(|status| status.success()))
}
