//! What became of a check.

use crate::report;
use crate::wire::{Exchange, Failure, Outcome, Ran};
use seaworthy_diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What became of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckResult {
    /// The file's path as the user would type it.
    pub name: String,
    /// The file's text, to show the lines that failed.
    pub text: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub duration: Duration,
    /// The requests that were sent and answered.
    pub exchanges: Vec<Exchange>,
    /// What was not as expected; empty if and only if it passed.
    pub failures: Vec<Failure>,
}

impl CheckResult {
    pub(crate) fn new(ran: Ran, text: String) -> Self {
        let Ran { name, outcome, duration_ms, exchanges, failures } = ran;
        Self { name, text, outcome, duration: Duration::from_millis(duration_ms), exchanges, failures }
    }

    /// Whether everything was as expected. Nothing but [`Outcome::Passed`] without any failure is a pass.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.outcome == Outcome::Passed && self.failures.is_empty()
    }

    /// What a person needs to know about each failure; empty if it passed.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        report::diagnostics(self)
    }
}
