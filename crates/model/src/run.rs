//! Runs: what a node does by itself about a commit that an environment follows.

use crate::follow::{Follow, Forge, Notify, Repository};
use crate::{Digest, Name};
use seaworthy_diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// An environment that follows something, as a person's deployment said it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Follower {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// What it follows.
    pub follows: Follow,
    /// Where the source is, of one that follows a branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// The manifest's path in the repository.
    pub manifest: String,
    /// Who is told.
    #[serde(default)]
    pub notify: Notify,
    /// Who is told what became of a commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forge: Option<Forge>,
    /// Who said so: the user of the deployment.
    pub by: String,
}

/// Where a run's commit comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunSource {
    /// From a branch of a repository.
    Branch {
        /// The repository.
        repository: String,
        /// The branch.
        branch: String,
    },
    /// From another environment, which ran it well.
    Environment(Name),
    /// From a person's own repository, who deploys what comes of it.
    Sent {
        /// Whoever sent it.
        by: String,
        /// The manifest's path in the repository.
        manifest: String,
    },
}

impl fmt::Display for RunSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch { branch, .. } => f.write_str(branch),
            Self::Environment(name) => write!(f, "{name}"),
            Self::Sent { by, .. } => write!(f, "sent by {by}"),
        }
    }
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It waits for its turn.
    Queued,
    /// The commit is fetched, built, tested and checked.
    Checking,
    /// Its release is on its way into environments.
    Deploying,
    /// All traffic has moved; it is still watched.
    Baking,
    /// Nothing more will happen.
    Done,
}

impl RunState {
    /// Whether another run of the app has to wait for it.
    #[must_use]
    pub fn is_busy(self) -> bool {
        matches!(self, Self::Checking | Self::Deploying)
    }
}

/// What became of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// Every environment runs it.
    Deployed,
    /// The commit did not pass.
    Failed,
    /// The commit, or the deployment, was refused or could not be tried.
    Refused,
    /// It passed, and an environment went back to what it ran before.
    Returned,
    /// A newer commit came.
    Superseded,
    /// It passed: whoever sent it has its release, and deploys it.
    Built,
    /// Somebody stopped it.
    Stopped,
}

/// What became of a run in one of its environments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrival {
    /// [`RunOutcome::Deployed`], [`RunOutcome::Returned`] or [`RunOutcome::Refused`].
    pub outcome: RunOutcome,
    /// Why it is not better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Diagnostic>,
}

/// A run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its number on this node; 0 until it is kept.
    #[serde(default)]
    pub id: u64,
    /// The app.
    pub app: Name,
    /// Where the commit comes from.
    pub source: RunSource,
    /// The commit's full id.
    pub commit: String,
    /// The environments that it is for.
    pub environments: Vec<Name>,
    /// How far it is.
    pub state: RunState,
    /// What became of it, once something did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<RunOutcome>,
    /// Why it is not better.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Diagnostic>,
    /// What it built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Digest>,
    /// Its deployments; an environment that ran the release already has none.
    #[serde(default)]
    pub deployments: BTreeMap<Name, u64>,
    /// What became of it in each environment, as far as that is known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub arrivals: BTreeMap<Name, Arrival>,
    /// How often it was begun.
    #[serde(default)]
    pub attempts: u32,
    /// RFC 3339.
    pub queued_at: String,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// Since when it is in its state, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// What was written while it was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<String>,
    /// The file with the git bundle that was sent, where the node had not all of the commit's history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// The app whose check goes on before this run's, while it waits for that; told when asked, never kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<Name>,
}

impl Run {
    /// The first characters of the commit.
    #[must_use]
    pub fn short(&self) -> &str {
        self.commit.get(..10).unwrap_or(&self.commit)
    }

    /// Whether a person sent the commit.
    #[must_use]
    pub fn is_sent(&self) -> bool {
        matches!(self.source, RunSource::Sent { .. })
    }

    /// Goes on to another state, at a time of RFC 3339.
    pub fn enter(&mut self, state: RunState, at: String) {
        self.state = state;
        self.since = Some(at);
    }

    /// What became of it in one of its environments: what is known of that one, else what is true for all.
    #[must_use]
    pub fn outcome_in(&self, environment: &Name) -> Option<RunOutcome> {
        self.arrivals.get(environment).map_or(self.outcome, |arrival| Some(arrival.outcome))
    }

    /// The same run as one of its environments sees it, once it has ended.
    #[must_use]
    pub fn seen_from(&self, environment: &Name) -> Self {
        let mut seen = self.clone();
        if let (Some(_), Some(arrival)) = (self.outcome, self.arrivals.get(environment)) {
            seen.outcome = Some(arrival.outcome);
            seen.failure.clone_from(&arrival.failure);
        }
        seen
    }
}
