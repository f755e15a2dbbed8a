//! What a deployment tells whoever follows it.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::Outcome;
use serde::{Deserialize, Serialize};
use std::fmt;

/// One thing that happened. When, and in which order, whoever keeps it knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A step begins.
    Begun {
        /// Its kind; see [`crate::step::Step::kind`].
        step: String,
        /// What it does.
        text: String,
        /// It is a step on the way back.
        undo: bool,
    },
    /// A step is done.
    Done {
        /// Its kind.
        step: String,
        /// What it did.
        text: String,
        /// It is a step on the way back.
        undo: bool,
        /// How long it took.
        duration_ms: u64,
        /// What there is to show for it, such as a line per check.
        evidence: Vec<String>,
    },
    /// A step failed.
    Failed {
        /// Its kind.
        step: String,
        /// What it should have done.
        text: String,
        /// It is a step on the way back.
        undo: bool,
        /// How long it took.
        duration_ms: u64,
        /// Why.
        failure: Diagnostic,
    },
    /// Something worth knowing.
    Message {
        /// What.
        text: String,
        /// Lines of evidence.
        evidence: Vec<String>,
    },
    /// Another process goes on with the deployment.
    Resumed,
    /// From here on everything goes back.
    GoingBack {
        /// Why.
        failure: Diagnostic,
    },
    /// This revision carries all traffic now (`None`: there is none to carry).
    Serving {
        /// Its number.
        revision: Option<u64>,
    },
    /// The outcome is another one now; nothing follows one that is final.
    Outcome {
        /// The outcome.
        outcome: Outcome,
        /// Why it is not better.
        failure: Option<Diagnostic>,
    },
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun { text, .. } | Self::Message { text, .. } => f.write_str(text),
            Self::Done { text, duration_ms, .. } => write!(f, "{text}: done in {duration_ms} ms"),
            Self::Failed { text, failure, .. } => write!(f, "{text}: {failure}"),
            Self::Resumed => f.write_str("the node was started again and goes on"),
            Self::GoingBack { failure } => write!(f, "going back: {failure}"),
            Self::Serving { revision: Some(revision) } => write!(f, "revision {revision} carries all traffic"),
            Self::Serving { revision: None } => f.write_str("nothing serves any more"),
            Self::Outcome { outcome, failure } => {
                f.write_str(outcome_word(*outcome))?;
                failure.as_ref().map_or(Ok(()), |failure| write!(f, ": {failure}"))
            }
        }
    }
}

fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Running => "running",
        Outcome::Baking => "baking",
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Returned => "returned",
        Outcome::Cancelled => "cancelled",
    }
}
