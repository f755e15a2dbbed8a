//! What a build tells while it goes on.

use seaworthy_model::Name;
use serde::Serialize;
use std::time::Duration;

/// A step of one service's build.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Its `test` lines.
    Test,
    /// Its `build` lines.
    Build,
    /// Its `files` and `checks`.
    Collect,
}

/// Something that happened. Services are built in parallel: their events are interleaved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// Builds run where everything is where it is: what they make may hold paths of this machine.
    NotIsolated {
        /// Why.
        why: String,
    },
    /// The working tree has changes that no commit holds, and a commit is built or checked.
    ChangesLeftOut,
    /// What programs take of memory and processes is not limited here.
    NotLimited,
    /// A test did not pass and is tried again.
    Retried {
        /// The service.
        service: Name,
        /// Which attempt it was, from 1.
        attempt: u32,
        /// How many there are at most.
        attempts_max: u32,
        /// Why it did not pass.
        why: String,
    },
    /// The checks begin to run against what was built.
    Functional,
    /// Nothing of the service changed since it was last built: its files are taken from then.
    Unchanged {
        /// The service.
        service: Name,
    },
    /// A step began.
    Started {
        /// The service.
        service: Name,
        /// The step.
        step: Step,
    },
    /// A program of the step wrote a line.
    Line {
        /// The service.
        service: Name,
        /// The step.
        step: Step,
        /// The line, without its end; what is no UTF-8 is replaced.
        text: String,
    },
    /// A step ended well.
    Finished {
        /// The service.
        service: Name,
        /// The step.
        step: Step,
        /// How long it took.
        took: Duration,
    },
}
