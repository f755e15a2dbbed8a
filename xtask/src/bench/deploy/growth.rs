//! From one service to many: what a change of one of them costs, and what all of them cost while nothing happens.

use super::app::{App, ENVIRONMENT};
use super::machine::Machine;
use crate::failure::Failure;
use crate::output;
use std::path::Path;
use std::thread;
use std::time::Duration;

const SIZES: &[u64] = &[1, 10, 50, 200];

pub(super) fn print(folder: &Path, release: &Path, program: &Path, services_max: u64) -> Result<(), Failure> {
    if services_max == 0 {
        return Ok(());
    }
    output::line("\n| services | all up, s | one changed, s | nothing changed, s | node MB | gateway MB | shims MB |");
    output::line("|---|---|---|---|---|---|---|");
    for size in SIZES.iter().filter(|size| **size <= services_max) {
        let name = format!("growth-{size}");
        let machine = Machine::create(&folder.join(format!("{name}-machine")), release)?;
        let mut app = App::create(folder.join(&name), program, *size as usize, 1)?;
        machine.time(&app.folder, &["build", "--commit"])?;
        let up = machine.time(&app.folder, &["deploy", ENVIRONMENT])?;
        app.change(1)?;
        machine.time(&app.folder, &["build", "--commit"])?;
        let one = machine.time(&app.folder, &["deploy", ENVIRONMENT])?;
        let none = machine.time(&app.folder, &["deploy", ENVIRONMENT])?;
        thread::sleep(Duration::from_secs(2));
        let memory = machine.memory();
        let megabytes = |role| memory.get(role).map_or(0.0, |(_, bytes)| *bytes as f64 / 1e6);
        output::line(format!(
            "| {size} | {:.2} | {:.2} | {:.2} | {:.1} | {:.1} | {:.1} |",
            up.as_secs_f64(),
            one.as_secs_f64(),
            none.as_secs_f64(),
            megabytes("node"),
            megabytes("gateway"),
            megabytes("shims"),
        ));
    }
    Ok(())
}
