//! `seaworthy history`: who deployed what, when, and how it ended.

use crate::arguments::HistoryArguments;
use crate::context::Context;
use crate::exit::Ending;
use seaworthy_api::wire::DeploymentRecord;
use seaworthy_model::deployment::{Outcome, Verb};
use seaworthy_model::run::{Run, RunOutcome};

pub(super) async fn run(context: &Context, arguments: &HistoryArguments) -> Ending {
    let app = context.app()?;
    let mut client = context.client(arguments.environment.as_ref()).await?;
    let records = client.history(&app, arguments.environment.as_ref(), arguments.lines).await?;
    if context.output.json {
        context.output.value(&records);
        return Ok(());
    }
    if records.is_empty() {
        context.output.note(&format!("{app} was never deployed here"));
    }
    // What was refused before it became a deployment is history, too.
    let bad = |outcome| matches!(outcome, RunOutcome::Failed | RunOutcome::Refused | RunOutcome::Returned);
    let refused = |run: &Run| run.deployments.is_empty() && run.outcome.is_some_and(bad);
    let mut runs = client.runs(&app, arguments.environment.as_ref(), arguments.lines).await.unwrap_or_default();
    runs.retain(refused);
    let mut runs = runs.into_iter().peekable();
    for record in &records {
        while let Some(run) = runs.next_if(|run| run.queued_at > record.started_at) {
            context.output.data(&format!("   -  {}", without_number(&run)));
        }
        context.output.data(&line(record));
        if let Some(failure) = &record.failure {
            context.output.data(&format!("      {}", failure.message));
        }
    }
    if records.len() < arguments.lines {
        runs.for_each(|run| context.output.data(&format!("   -  {}", without_number(&run))));
    }
    Ok(())
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
