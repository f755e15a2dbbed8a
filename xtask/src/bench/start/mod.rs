//! `cargo xtask bench start`: how long it takes until a program runs in a sandbox, beside runc, by turns.
//!
//! Both start the same static program from an unpacked root with limits of memory and processes, and are measured from
//! the request to the moment in which they say that it runs. Ours writes down first what is to be, as a node does.

mod engine;
mod runc;

use super::failed;
use super::spread::Spread;
use crate::bench_options::Options;
use crate::failure::Failure;
use crate::{output, shell};
use std::path::Path;
use std::time::Duration;

/// The static program that everybody starts (package `busybox-static`).
const PROGRAM: &str = "/bin/busybox";
/// What an instance may have.
const MEMORY_BYTES: u64 = 64 << 20;
const PROCESSES: u32 = 4096;

/// `cargo xtask bench start [--rounds N]`.
pub(super) fn run(options: &Options) -> Result<(), Failure> {
    let rounds = options.number("--rounds", 50).max(1);
    if !shell::exists("runc") || !Path::new(PROGRAM).is_file() {
        return Err(Failure::Bench("something is missing: apt-get install runc busybox-static".to_owned()));
    }
    let folder = tempfile::tempdir().map_err(failed("a temporary folder"))?;
    seaworthy_host::files::set_mode(folder.path(), 0o711).map_err(failed("a temporary folder"))?;
    let runc = runc::Runc::create(&folder.path().join("runc"))?;
    let mut engine = engine::Engine::create(&folder.path().join("engine"))?;
    // What is unpacked once is no part of a start.
    runc.start("bench-warm")?;
    engine.start("warm")?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        let mut turns = [true, false];
        // Whoever comes first in a round is another one each time.
        turns.rotate_left(usize::from(round % 2 == 1));
        for is_ours in turns {
            if is_ours {
                ours.push(engine.start(&round.to_string())?);
            } else {
                theirs.push(runc.start(&format!("bench-{}-{round}", std::process::id()))?);
            }
        }
    }
    let milliseconds = |times: &[Duration]| Spread::of(times.iter().map(|time| time.as_secs_f64() * 1e3));
    let ratio = Spread::of(ours.iter().zip(&theirs).map(|(own, other)| own.as_secs_f64() / other.as_secs_f64()));
    output::line(format!("{rounds} rounds by turns, median (least–greatest)\n\n| who | ms until it runs |\n|---|---|"));
    output::line(format!("| seaworthy | {:.1} |", milliseconds(&ours)));
    output::line(format!("| runc | {:.1} |", milliseconds(&theirs)));
    output::line(format!("\nas a ratio to runc in the same round: {ratio:.2}"));
    Ok(())
}
