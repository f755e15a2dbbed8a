//! `seaworthy history`: who deployed what, when, and how it ended.

use crate::arguments::HistoryArguments;
use crate::context::Context;
use crate::exit::Ending;
use seaworthy_api::wire::{DeploymentRecord, JobRun};
use seaworthy_model::Name;
use seaworthy_model::deployment::{Outcome, Verb};
use seaworthy_model::run::{Run, RunOutcome};
use serde::Serialize;

pub(super) async fn run(context: &Context, arguments: &HistoryArguments) -> Ending {
    let app = context.app()?;
    let mut client = context.reader(arguments.environment.as_ref()).await?;
    let of = arguments.environment.as_ref();
    if let Some(environment) = of {
        context.check_known(&mut client, &app, environment).await?;
    }
    let records = client.history(&app, of, arguments.lines).await?;
    let runs = client.runs(&app, of, arguments.lines).await.unwrap_or_default();
    // Jobs that ended badly are history, too.
    let jobs = client.job_runs(&app, of, None, true, arguments.lines).await.unwrap_or_default();
    let entries = merged(records, refused(runs, of), jobs, arguments.lines);
    if context.output.json {
        context.output.value(&entries);
        return Ok(());
    }
    if entries.is_empty() {
        context.output.note(&format!("{app} was never deployed here"));
    }
    for entry in &entries {
        match entry {
            Entry::Refused { run } => context.output.data(&format!("   -  {}", without_number(run))),
            Entry::Job { job } => context.output.data(&format!("   -  {}", super::jobs::line_without_number(job))),
            Entry::Deployment(record) => {
                context.output.data(&line(record));
                if let Some(failure) = &record.failure {
                    context.output.data(&format!("      {}", failure.message));
                }
            }
        }
    }
    Ok(())
}

/// Something that happened to an environment.
#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    /// A deployment.
    Deployment(Box<DeploymentRecord>),
    /// A commit that did not become one.
    Refused {
        /// What became of it.
        run: Box<Run>,
    },
    /// A run of a job that ended badly.
    Job {
        /// What became of it.
        job: Box<JobRun>,
    },
}

/// The runs that were refused before they became a deployment: that is history, too.
fn refused(runs: Vec<Run>, environment: Option<&Name>) -> Vec<Run> {
    let bad = |outcome| matches!(outcome, RunOutcome::Failed | RunOutcome::Refused | RunOutcome::Returned);
    let seen = runs.into_iter().filter_map(|run| match environment {
        Some(name) => (!run.deployments.contains_key(name)).then(|| run.seen_from(name)),
        None => run.deployments.is_empty().then_some(run),
    });
    seen.filter(|run| run.outcome.is_some_and(bad)).collect()
}

/// All of it, newest first; what is older than the last of many deployments is left out.
fn merged(records: Vec<DeploymentRecord>, runs: Vec<Run>, jobs: Vec<JobRun>, lines: usize) -> Vec<Entry> {
    let is_all = records.len() < lines;
    let runs = runs.into_iter().map(|run| (run.queued_at.clone(), Entry::Refused { run: Box::new(run) }));
    let jobs = jobs.into_iter().map(|job| (job.started_at.clone(), Entry::Job { job: Box::new(job) }));
    let mut others: Vec<(String, Entry)> = runs.chain(jobs).collect();
    others.sort_by(|(left, _), (right, _)| right.cmp(left));
    let mut others = others.into_iter().peekable();
    let mut entries = Vec::new();
    for record in records {
        while let Some((_, other)) = others.next_if(|(at, _)| *at > record.started_at) {
            entries.push(other);
        }
        entries.push(Entry::Deployment(Box::new(record)));
    }
    if is_all {
        entries.extend(others.map(|(_, other)| other));
    }
    entries
}

/// A run's line where deployments are numbered.
fn without_number(run: &Run) -> String {
    super::runs::line(run).chars().skip(6).collect()
}

/// One deployment in one line.
pub(super) fn line(record: &DeploymentRecord) -> String {
    let revision = |number: Option<u64>| number.map_or("nothing".to_owned(), |n| format!("revision {n}"));
    let by = match &record.actor.claim {
        Some(claim) => format!("{} (calls itself {claim})", record.actor.user),
        None => record.actor.user.clone(),
    };
    let verb = match record.verb {
        Verb::Deploy => "deploy",
        Verb::Rollback => "rollback",
        Verb::Promote => "promote",
        Verb::Down => "down",
    };
    let commit = record.commit.as_deref().map(|c| format!(", commit {}", &c[..c.len().min(10)])).unwrap_or_default();
    format!(
        "{:>4}  {}  {verb} {} {} -> {}{commit} by {by}: {}",
        record.id,
        record.started_at.get(..19).unwrap_or(&record.started_at),
        record.environment,
        revision(record.from),
        revision(record.to),
        outcome(record),
    )
}

fn outcome(record: &DeploymentRecord) -> &'static str {
    match record.outcome {
        Outcome::Failed if record.from.is_none() => "failed, nothing runs",
        Outcome::Returned | Outcome::Cancelled if record.from.is_none() => "stopped, nothing runs",
        Outcome::Running => "under way",
        Outcome::Baking => "serves, the one before is still warm",
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed, the one before serves",
        Outcome::Returned => "went back to the one before",
        Outcome::Cancelled => "stopped, the one before serves",
    }
}
