//! `cargo xtask ci`: everything that a change must pass, step by step, with its time and what its tests counted.

mod counts;
mod examples;
mod postgres;
mod run;
mod step;
mod summary;

use crate::failure::Failure;
use crate::{output, workspace};
use std::time::Instant;
use step::Step;

const USAGE: &str = "usage: cargo xtask ci [--quick] [--list] [STEP…]";

/// `cargo xtask ci [--quick] [--list] [STEP…]`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut quick = false;
    let mut list = false;
    let mut names = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--quick" => quick = true,
            "--list" => list = true,
            name if !name.starts_with('-') => names.push(name.to_owned()),
            _ => return Err(Failure::Usage(USAGE)),
        }
    }
    let root = workspace::root();
    let all = step::all(&root)?;
    if let Some(name) = names.iter().find(|name| !all.iter().any(|step| step.is_named(name))) {
        return Err(Failure::Steps(format!("no step has the name `{name}`; `--list` shows them: it")));
    }
    let steps: Vec<&Step> = all
        .iter()
        .filter(
            |step| if names.is_empty() { !(quick && step.slow) } else { names.iter().any(|name| step.is_named(name)) },
        )
        .collect();
    if list {
        steps.iter().for_each(|step| output::line(&step.name));
        return Ok(());
    }
    let started = Instant::now();
    let postgres = if steps.iter().any(|step| step.database) { postgres::Postgres::start()? } else { None };
    let url = postgres.as_ref().map(postgres::Postgres::url);
    let results: Vec<_> = steps.into_iter().map(|step| run::step(step, url.as_deref())).collect();
    drop(postgres);
    summary::print(&results, started.elapsed())
}
