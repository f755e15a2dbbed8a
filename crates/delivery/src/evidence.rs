//! What a command or a webhook of the user's is told.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::run::{Run, RunOutcome};
use serde::Serialize;
use std::time::Duration;

/// How long to wait after each attempt at a webhook that did not take it.
pub const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(30)];

/// What became of a commit, as JSON.
#[derive(Debug, Serialize)]
pub struct Evidence<'a> {
    /// 1.
    pub format: u32,
    /// `seaworthy.run`.
    pub event: &'static str,
    /// The app.
    pub app: &'a Name,
    /// The environments that do not run it.
    pub environments: Vec<&'a Name>,
    /// What was followed.
    pub follows: String,
    /// The commit.
    pub commit: &'a str,
    /// The run's number.
    pub run: u64,
    /// What became of it.
    pub outcome: Option<RunOutcome>,
    /// Why.
    pub failure: Option<&'a Diagnostic>,
    /// RFC 3339.
    pub at: &'a str,
    /// The same in one line.
    pub text: String,
}

impl<'a> Evidence<'a> {
    /// Of a run that ended badly, for these environments.
    #[must_use]
    pub fn new(run: &'a Run, environments: Vec<&'a Name>) -> Self {
        Self {
            format: 1,
            event: "seaworthy.run",
            app: &run.app,
            environments,
            follows: run.source.to_string(),
            commit: &run.commit,
            run: run.id,
            outcome: run.outcome,
            failure: run.failure.as_ref(),
            at: run.ended_at.as_deref().unwrap_or(&run.queued_at),
            text: line(run),
        }
    }
}

/// What became of a run in each of its environments, a line each, where that is not the same for all.
#[must_use]
pub fn arrivals(run: &Run) -> Vec<String> {
    if run.arrivals.len() < 2 || run.arrivals.values().all(|arrival| Some(arrival.outcome) == run.outcome) {
        return Vec::new();
    }
    let words = |name: &Name| line(&run.seen_from(name)).replacen(run.short(), &format!("{name}:"), 1);
    run.arrivals.keys().map(words).collect()
}

/// How a run of a job ended badly, as JSON.
#[derive(Debug, Serialize)]
pub struct JobEvidence<'a> {
    /// 1.
    pub format: u32,
    /// `seaworthy.job`.
    pub event: &'static str,
    /// The app.
    pub app: &'a Name,
    /// The environment in which it ran.
    pub environments: [&'a Name; 1],
    /// The job.
    pub job: &'a Name,
    /// The run's number.
    pub run: u64,
    /// `failed`, `timed-out` or `lost`.
    pub outcome: &'a str,
    /// Why.
    pub reason: Option<&'a str>,
    /// What it wrote last.
    pub last_lines: &'a [String],
    /// RFC 3339.
    pub at: &'a str,
    /// The same in one line.
    pub text: String,
}

/// What became of a run, in one line.
#[must_use]
pub fn line(run: &Run) -> String {
    if let (None, Some(other)) = (run.outcome, &run.waits_for) {
        return format!("{} waits for the check of `{other}`", run.short());
    }
    let why = run.failure.as_ref().map(|failure| format!(": {}", failure.message)).unwrap_or_default();
    let what = match run.outcome {
        Some(RunOutcome::Deployed) => "deployed",
        Some(RunOutcome::Failed | RunOutcome::Refused) => "refused",
        Some(RunOutcome::Returned) => "went back",
        Some(RunOutcome::Superseded) => "superseded by a newer commit",
        Some(RunOutcome::Built) => "tested and built",
        Some(RunOutcome::Stopped) => "stopped",
        None => match run.state {
            seaworthy_model::run::RunState::Queued => "waits for its turn",
            seaworthy_model::run::RunState::Checking => "is being checked",
            seaworthy_model::run::RunState::Deploying => "is being deployed",
            seaworthy_model::run::RunState::Baking => "serves, the one before is still warm",
            seaworthy_model::run::RunState::Done => "done",
        },
    };
    format!("{} {what}{why}", run.short())
}
