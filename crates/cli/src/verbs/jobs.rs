//! `seaworthy jobs`: what runs by the clock, and how that went.

use crate::arguments::JobsArguments;
use crate::context::Context;
use crate::exit::{Ended, Ending};
use crate::output::{Output, style};
use seaworthy_api::wire::{JobRun, JobStatus};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;

pub(super) async fn run(context: &Context, arguments: &JobsArguments) -> Ending {
    let (app, environment) = (context.app()?, &arguments.environment);
    let (output, job) = (context.output, arguments.job.as_ref());
    let mut client = context.reader(Some(environment)).await?;
    context.check_known(&mut client, &app, environment).await?;
    let runs = client.job_runs(&app, Some(environment), job, false, arguments.lines).await?;
    if output.json {
        output.value(&runs);
        return Ok(());
    }
    let status = client.status(Some(&app), Some(environment)).await?;
    let jobs: Vec<&JobStatus> = status.environments.iter().flat_map(|one| &one.jobs).collect();
    if jobs.is_empty() && runs.is_empty() {
        output.note(&format!("{app} has no jobs in {environment}: `[jobs.NAME]` in seaworthy.toml declares one"));
    }
    for one in jobs.iter().filter(|one| job.is_none_or(|job| one.job == *job)) {
        print(output, "", one);
    }
    runs.iter().for_each(|run| output.data(&line(run)));
    Ok(())
}

/// `run ENV --job NAME`: starts one now and waits for its end.
pub(super) async fn run_now(context: &Context, environment: &Name, job: &Name) -> Ending {
    let app = context.app()?;
    let mut client = context.client(Some(environment)).await?;
    context.check_known(&mut client, &app, environment).await?;
    let output = context.output;
    let lost = Diagnostic::machine(format!("the node ended before `{job}` did"));
    let goes_on = format!("it goes on: `seaworthy jobs {environment} {job}` shows how it ends");
    let mut ending = Err(Ended::failed(lost.help(goes_on.clone())));
    let call = client.run_job(&app, environment, job, |run| {
        match run.outcome.as_deref() {
            None => output.note(&format!(
                "run {} of {job} has begun: `seaworthy logs {environment} --follow` shows what it writes",
                run.id
            )),
            Some(outcome) => ending = ended(output, environment, &run, outcome),
        }
        true
    });
    tokio::select! {
        result = call => result?,
        _ = tokio::signal::ctrl_c() => {
            output.note(&goes_on);
            return Err(Ended::Code(130));
        }
    }
    ending
}

fn ended(output: Output, environment: &Name, run: &JobRun, outcome: &str) -> Ending {
    if output.json {
        output.value(run);
    } else {
        output.data(&line(run));
    }
    if outcome == "succeeded" {
        return Ok(());
    }
    let reason = run.reason.as_deref().unwrap_or(outcome);
    let error = Diagnostic::service(format!("run {} of `{}` {}: {reason}", run.id, run.job, words(outcome)));
    let error = error.evidence(run.last_lines.iter().cloned());
    Err(Ended::failed(error.help(format!("`seaworthy logs {environment}` has all that it wrote"))))
}

/// A job as `status` shows it: a line, and what it wrote last if it did not end well.
pub(super) fn print(output: Output, indent: &str, job: &JobStatus) {
    output.data(&format!("{indent}job {}: {}", job.job, state(job)));
    let last = job.last.iter().filter(|last| is_bad(last));
    let lines = last.flat_map(|last| &last.last_lines);
    lines.for_each(|line| output.data(&format!("{indent}    | {line}")));
}

fn state(job: &JobStatus) -> String {
    let (good, bad) = (style::GOOD, style::BAD);
    let last = match &job.last {
        None => "has not run yet".to_owned(),
        Some(run) => {
            let (at, reason) = (seconds(&run.started_at), reason(run));
            match run.outcome.as_deref() {
                None => format!("{good}runs{good:#} since {at}"),
                Some(outcome) if is_bad(run) => format!("{bad}{}{bad:#} {at}{reason}", words(outcome)),
                Some(outcome) => format!("{good}{}{good:#} {at}{reason}", words(outcome)),
            }
        }
    };
    let next = match (&job.problem, &job.next_at) {
        (Some(problem), _) => format!("{bad}cannot run{bad:#}: {problem}"),
        (None, Some(next)) => format!("next {}", seconds(next)),
        (None, None) => "not due any more".to_owned(),
    };
    let skipped = if job.skipped > 0 { format!(", {} left out", job.skipped) } else { String::new() };
    format!("{last}, {next}{skipped} (`{}` {}, in {})", job.schedule, job.timezone, job.service)
}

/// A run in one line.
pub(super) fn line(run: &JobRun) -> String {
    format!("{:>4}  {}", run.id, line_without_number(run))
}

/// A run in one line, where something else is numbered.
pub(super) fn line_without_number(run: &JobRun) -> String {
    let why = match (&run.due_at, &run.actor) {
        (Some(due), _) => format!("due {}", seconds(due)),
        (None, Some(actor)) => format!("by {actor}"),
        (None, None) => "by hand".to_owned(),
    };
    let outcome = run.outcome.as_deref().map_or("under way", words);
    format!("{}  job {} {}, {why}: {outcome}{}", seconds(&run.started_at), run.job, run.environment, reason(run))
}

fn reason(run: &JobRun) -> String {
    run.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn is_bad(run: &JobRun) -> bool {
    matches!(run.outcome.as_deref(), Some("failed" | "timed-out" | "lost"))
}

fn words(outcome: &str) -> &str {
    match outcome {
        "timed-out" => "took too long",
        "stopped" => "was stopped",
        "lost" => "was lost",
        other => other,
    }
}

/// A time without fractions. Its zone is shown: that of the schedule may be another one.
fn seconds(time: &str) -> String {
    time.get(..19).map_or_else(|| time.to_owned(), |time| format!("{time}Z"))
}
