//! All instances of an app replaced by a new version.

use super::app::{App, ENVIRONMENT};
use super::load::Load;
use super::machine::Machine;
use super::{REPLICAS, SERVICES};
use crate::bench::spread::Spread;
use crate::failure::Failure;
use crate::output;
use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(super) struct Rolled {
    /// Seconds, with nobody asking.
    pub(super) idle: Spread,
    /// Seconds, under load.
    pub(super) loaded: Spread,
    /// Requests a second of that load.
    pub(super) rate: u64,
    pub(super) requests: u64,
    pub(super) lost: u64,
    pub(super) memory: BTreeMap<&'static str, (usize, u64)>,
}

pub(super) fn run(folder: &Path, release: &Path, program: &Path, rounds: u64) -> Result<Rolled, Failure> {
    let machine = Machine::create(&folder.join("roll"), release)?;
    let mut app = App::create(folder.join("app"), program, SERVICES, REPLICAS)?;
    let first = machine.time(&app.folder, &["up", ENVIRONMENT])?;
    output::line(format!("first deployment, with the node's start: {:.2} s", first.as_secs_f64()));
    let mut idle = Vec::new();
    for _ in 0..rounds {
        idle.push(deploy(&machine, &mut app)?);
    }
    let (mut loaded, mut answered, mut lost, mut under_load) = (Vec::new(), 0, 0, Duration::ZERO);
    for _ in 0..rounds {
        let started = Instant::now();
        let load = Load::start(machine.address, app.hosts());
        thread::sleep(Duration::from_millis(300));
        let took = deploy(&machine, &mut app);
        thread::sleep(Duration::from_millis(300));
        let tally = load.end();
        loaded.push(took?);
        answered += tally.answered;
        lost += tally.lost;
        under_load += started.elapsed();
    }
    thread::sleep(Duration::from_secs(2));
    let requests = answered + lost;
    Ok(Rolled {
        idle: Spread::of(idle),
        loaded: Spread::of(loaded),
        rate: (requests as f64 / under_load.as_secs_f64()) as u64,
        requests,
        lost,
        memory: machine.memory(),
    })
}

/// Builds first, so that only the deployment itself is timed.
fn deploy(machine: &Machine, app: &mut App) -> Result<f64, Failure> {
    app.change(SERVICES)?;
    machine.time(&app.folder, &["build", "--commit"])?;
    Ok(machine.time(&app.folder, &["deploy", ENVIRONMENT])?.as_secs_f64())
}
