//! Commits that are sent to be built, and how far a run is.

use seaworthy_model::run::Run;
use serde::{Deserialize, Serialize};

/// The largest git bundle that a node takes, in bytes.
pub const SENT_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The answer to `GET /v1/apps/APP/environments/ENV/commits`: commits whose whole history the node has.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct CommitList {
    /// Their full ids; not all that it has, but the newest of each branch.
    pub commits: Vec<String>,
}

/// `POST /v1/apps/APP/environments/ENV/commits`, in its query: what the git bundle in the body is of. The body is empty
/// where the node has all of the commit's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCommit {
    /// Its full id.
    pub commit: String,
    /// The manifest's path in the repository.
    pub manifest: String,
}

/// A line of the answer to `GET /v1/runs/ID/log?after=N`. The last one has a run that is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunProgress {
    /// Where its log goes on: the next `after`.
    pub after: u64,
    /// A line of its log.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<String>,
    /// The run, when its state has changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}
