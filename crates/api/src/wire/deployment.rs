//! Planning, deploying, and following what happens.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::{Actor, Outcome, Verb};
use seaworthy_model::{Digest, Name};
use serde::{Deserialize, Serialize};

/// What somebody wants an environment to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "verb")]
pub enum Intent {
    /// Run this release.
    Deploy {
        /// The release, sent before.
        release: Digest,
        /// Only these services; all others keep what they run. Empty: all.
        #[serde(default)]
        only: Vec<Name>,
        /// Bind the app's name to the release's source even if it is bound to another.
        #[serde(default)]
        take_over: bool,
    },
    /// Back to the last good revision, or to this one.
    Rollback {
        /// The revision's number.
        #[serde(default)]
        to: Option<u64>,
    },
    /// Run what another environment runs, with this one's values.
    Promote {
        /// The other environment.
        from: Name,
    },
    /// Run nothing.
    Down,
}

/// `POST /v1/apps/APP/environments/ENV/plan` and `…/deployments`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeploymentRequest {
    /// What is wanted.
    pub intent: Intent,
    /// The name that the client claims for its user; shown beside the real one.
    #[serde(default)]
    pub claim: Option<String>,
}

/// The answer to `…/plan`. A plan that refuses is a [`super::Failure`] instead.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanAnswer {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The running revision.
    pub from: Option<u64>,
    /// The release that runs.
    pub from_release: Option<Digest>,
    /// The release that would run.
    pub to_release: Option<Digest>,
    /// What differs, a line each; empty: nothing would be done.
    pub changes: Vec<String>,
    /// What would be done, a line each, in order.
    pub steps: Vec<String>,
    /// What to know: what is not enforced, what can happen.
    pub notes: Vec<String>,
}

/// The answer to `…/deployments`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeploymentStarted {
    /// To follow it by; `None`: nothing had to be done.
    pub deployment: Option<u64>,
    /// The plan that it follows.
    pub plan: PlanAnswer,
    /// What the environment follows from now on, in words, if this deployment says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follows: Option<String>,
}

/// One deployment, as `history` shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeploymentRecord {
    /// Its number on this node.
    pub id: u64,
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// What was asked.
    pub verb: Verb,
    /// Who asked.
    pub actor: Actor,
    /// The revision before.
    pub from: Option<u64>,
    /// The new revision.
    pub to: Option<u64>,
    /// Its release.
    pub release: Option<Digest>,
    /// The commit of the release.
    pub commit: Option<String>,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// How it ended, or that it has not.
    pub outcome: Outcome,
    /// Why it failed.
    pub failure: Option<Diagnostic>,
}

/// One line of `GET /v1/deployments/ID/events`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProgressEvent {
    /// Counts from 1 within the deployment.
    pub sequence: u64,
    /// RFC 3339.
    pub at: String,
    /// What happened, as the deployment's journal has it.
    pub event: serde_json::Value,
    /// The same in words.
    pub text: String,
    /// The outcome, on events that change it.
    #[serde(default)]
    pub outcome: Option<Outcome>,
    /// The failure, on the event that says so.
    #[serde(default)]
    pub failure: Option<Diagnostic>,
}

/// `GET /v1/apps/APP/difference?a=ENV&b=ENV`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DifferenceAnswer {
    /// A line each; empty: the same.
    pub changes: Vec<String>,
}
