//! `seaworthy runs`: what the node did by itself about the commits that environments follow.

use crate::arguments::RunsArguments;
use crate::context::Context;
use crate::exit::Ending;
use crate::output::{Output, style};
use seaworthy_delivery::evidence::{arrivals, line as words};
use seaworthy_model::run::{Run, RunOutcome};

pub(super) async fn run(context: &Context, arguments: &RunsArguments) -> Ending {
    let app = context.app()?;
    let of = arguments.environment.as_ref();
    let mut client = if arguments.again { context.client(of).await? } else { context.reader(of).await? };
    if let Some(environment) = of {
        context.check_known(&mut client, &app, environment).await?;
    }
    let output = context.output;
    if let Some(environment) = arguments.environment.as_ref().filter(|_| arguments.again) {
        let run = client.run_again(&app, environment).await?;
        match output.json {
            true => output.value(&run),
            false => output.note(&format!("run {} of {app}: {} is tried again", run.id, run.short())),
        }
        return Ok(());
    }
    let runs = client.runs(&app, arguments.environment.as_ref(), arguments.lines).await?;
    if output.json {
        output.value(&runs);
        return Ok(());
    }
    if runs.is_empty() {
        output.note(&format!("nothing of {app} that is followed has changed here"));
    }
    runs.iter().for_each(|run| print(output, run));
    Ok(())
}

/// One run: a line, and what it said when it did not pass.
fn print(output: Output, run: &Run) {
    output.data(&line(run));
    arrivals(run).iter().for_each(|arrival| output.data(&format!("      {arrival}")));
    let Some(outcome) = run.outcome else { return };
    if !matches!(outcome, RunOutcome::Failed | RunOutcome::Refused | RunOutcome::Returned) {
        return;
    }
    let dim = style::DIM;
    if let Some(failure) = &run.failure {
        failure.evidence.iter().for_each(|text| output.data(&format!("      | {text}")));
        failure.help.iter().for_each(|help| output.data(&format!("      {dim}help:{dim:#} {help}")));
    }
    let went_back = run.environments.iter().find(|name| run.outcome_in(name) == Some(RunOutcome::Returned));
    match (went_back, &run.log) {
        // Its check passed: what went wrong stands elsewhere.
        (Some(environment), _) => output.data(&format!("      {dim}log{dim:#} `seaworthy logs {environment}`")),
        (None, Some(log)) => output.data(&format!("      {dim}log{dim:#} {log}")),
        (None, None) => {}
    }
}

/// One run in one line.
pub(super) fn line(run: &Run) -> String {
    let environments: Vec<&str> = run.environments.iter().map(seaworthy_model::Name::as_str).collect();
    let at = run.queued_at.get(..19).unwrap_or(&run.queued_at);
    format!("{:>4}  {at}  {} -> {}: {}", run.id, run.source, environments.join(", "), words(run))
}
