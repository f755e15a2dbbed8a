//! What a newer commit means for the runs that there are, and which run is next.

use seaworthy_model::run::{Run, RunOutcome, RunSource, RunState};

/// What to do about the newest commit of a branch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    /// Whether a run of it is to be queued.
    pub queue: bool,
    /// Runs that need not happen any more: they wait, or are being checked.
    pub supersede: Vec<u64>,
}

/// Decides about `head`, the newest commit of a branch. `runs` are those of the app, newest first; `is_running` says
/// that every environment that follows the branch runs this commit already.
///
/// A commit that was tried is not tried again by itself: what is newest then is what a person left there.
#[must_use]
pub fn decide(runs: &[Run], source: &RunSource, head: &str, is_running: bool) -> Decision {
    let mut own = runs.iter().filter(|run| run.source == *source);
    let last = own.next();
    let known = last.is_some_and(|run| run.commit == head && run.outcome != Some(RunOutcome::Superseded));
    if known || (last.is_none() && is_running) {
        return Decision::default();
    }
    Decision { queue: true, supersede: superseded(runs, source) }
}

/// What a new run of a branch makes superfluous. A release that is on its way into environments arrives first.
#[must_use]
pub fn superseded(runs: &[Run], source: &RunSource) -> Vec<u64> {
    let waits = |run: &&Run| run.source == *source && matches!(run.state, RunState::Queued | RunState::Checking);
    runs.iter().filter(waits).map(|run| run.id).collect()
}

/// The run that begins now, of an app's runs (newest first): the one that has waited longest, when no other is busy.
#[must_use]
pub fn next(runs: &[Run]) -> Option<&Run> {
    if runs.iter().any(|run| run.state.is_busy()) {
        return None;
    }
    runs.iter().rev().find(|run| run.state == RunState::Queued)
}
