//! Commands that run by the clock.

use seaworthy_model::Name;
use serde::{Deserialize, Serialize};

/// A job of an environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobStatus {
    /// The job.
    pub job: Name,
    /// The service in whose image it runs.
    pub service: Name,
    /// When, as it is written.
    pub schedule: String,
    /// In this time zone.
    pub timezone: String,
    /// When it is due next (RFC 3339).
    pub next_at: Option<String>,
    /// How many due times were left out because the run before was under way.
    pub skipped: u64,
    /// Its last run, or the one that is under way.
    pub last: Option<JobRun>,
    /// Why it cannot run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A run of a job.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JobRun {
    /// Counts up over all jobs of the node.
    pub id: u64,
    /// The environment.
    pub environment: Name,
    /// The job.
    pub job: Name,
    /// The revision in which it runs.
    pub revision: u64,
    /// When it was due (RFC 3339); `None`: somebody asked for it.
    pub due_at: Option<String>,
    /// Who asked for it.
    pub actor: Option<String>,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// `None`: under way; `succeeded`, `failed`, `timed-out`, `stopped` or `lost`.
    pub outcome: Option<String>,
    /// Why it did not succeed.
    pub reason: Option<String>,
    /// What it wrote last, where one run that did not succeed is shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
}
