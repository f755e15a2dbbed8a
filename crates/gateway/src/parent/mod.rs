//! The tiny parent process: it holds the listeners and restarts its worker.
//!
//! One thread, no async runtime, hardly any memory: there is little in it that could fail, so that what it holds, the
//! listeners with their backlogs, outlives every worker.

mod adoption;
mod commands;
mod options;
mod process;
mod supervisor;
mod termination;

use crate::log;
use options::Options;
use seaworthy_host::lock::Lock;
use std::ffi::OsString;
use std::process::ExitCode;

/// The exit code of a parent that found another one.
pub(crate) const ALREADY_RUNNING: u8 = 3;

/// Runs the parent until it is told to stop. `args` are those after the words that chose this role:
/// `--runtime-dir DIR --state-dir DIR [--worker-word=WORD]...`.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(message) => {
            log::line("parent", format_args!("{message}"));
            return ExitCode::from(64);
        }
    };
    // Not in the session of whoever started it: a terminal that closes is none of its business.
    let _ = nix::unistd::setsid();
    let lock = match Lock::try_acquire(&options.runtime_dir.join("gateway.lock")) {
        Ok(Some(lock)) => lock,
        Ok(None) => {
            log::line("parent", format_args!("another parent serves `{}`", options.runtime_dir.display()));
            return ExitCode::from(ALREADY_RUNNING);
        }
        Err(error) => {
            log::line("parent", format_args!("{error}: {}", error.io()));
            return ExitCode::FAILURE;
        }
    };
    let ended = supervisor::Supervisor::new(options).and_then(supervisor::Supervisor::run);
    drop(lock);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::line("parent", format_args!("ended: {error}"));
            ExitCode::FAILURE
        }
    }
}
