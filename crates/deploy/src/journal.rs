//! What is written down so that another process can go on: where a deployment stands, and what it tells.

use crate::event::Event;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::deployment::Outcome;
use serde::{Deserialize, Serialize};
use std::time::{Duration, UNIX_EPOCH};

/// Keeps a deployment's progress, durably: when a call has returned, a power cut cannot take it back.
pub trait Journal: Send + Sync {
    /// Adds an entry to a deployment's progress.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn record(&self, deployment: u64, entry: &Entry) -> Result<(), Diagnostic>;

    /// Adds an event, for those who follow. It may be lost in a crash.
    fn event(&self, deployment: u64, event: &Event);

    /// Writes down which revision carries the environment's traffic (`None`: there is none), and the outcome that the
    /// deployment has by that.
    ///
    /// # Errors
    /// When it cannot be kept.
    fn outcome(&self, deployment: u64, standing: &Standing) -> Result<(), Diagnostic>;
}

/// What is true of a deployment and its environment from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The revision that serves.
    pub serving: Option<u64>,
    /// The deployment's outcome.
    pub outcome: Outcome,
    /// Why it is not better.
    pub failure: Option<Diagnostic>,
}

/// One entry of the progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub enum Entry {
    /// The steps of a group begin: what they do may have happened. All groups before it are done.
    Begun {
        /// The group's index, in the plan or in what undoes it.
        group: usize,
        /// When, in milliseconds since 1970: a bake that is resumed keeps its end. 0: not known.
        #[serde(default)]
        at_ms: u64,
    },
    /// From here on indices count in what undoes the plan from this group on.
    GoingBack {
        /// The plan's group in which it turned.
        from: usize,
        /// What the outcome will be.
        outcome: Outcome,
        /// Why.
        failure: Diagnostic,
    },
}

/// Where a deployment stands, as its entries tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// On the way back: from which group of the plan, to which outcome, and why.
    pub going_back: Option<(usize, Outcome, Diagnostic)>,
    /// The first group that may not be done; of what undoes the plan when going back.
    pub group: usize,
    /// When it was first begun, in milliseconds since 1970. 0: not known.
    pub begun_at_ms: u64,
}

impl Entry {
    /// A group begins now.
    pub(crate) fn begun(group: usize) -> Self {
        Self::Begun { group, at_ms: now_ms() }
    }
}

fn now_ms() -> u64 {
    let since = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl Progress {
    /// How long ago the group was first begun; zero if that is not known.
    pub(crate) fn lasted(&self) -> Duration {
        match self.begun_at_ms {
            0 => Duration::ZERO,
            // A clock that was turned back makes it last longer, never shorter.
            begun => Duration::from_millis(now_ms().saturating_sub(begun)),
        }
    }

    /// Reads the entries of a deployment, oldest first.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Self {
        let mut progress = Self { going_back: None, group: 0, begun_at_ms: 0 };
        for entry in entries {
            match entry {
                // Begun again: a node that came back went on with it.
                Entry::Begun { group, .. } if *group == progress.group && progress.begun_at_ms != 0 => {}
                Entry::Begun { group, at_ms } => {
                    (progress.group, progress.begun_at_ms) = (*group, *at_ms);
                }
                Entry::GoingBack { from, outcome, failure } => {
                    let going_back = Some((*from, *outcome, failure.clone()));
                    progress = Self { going_back, group: 0, begun_at_ms: 0 };
                }
            }
        }
        progress
    }
}
