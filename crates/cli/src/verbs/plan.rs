//! `seaworthy plan`: what a deployment would do. Exits 0 (nothing), 2 (something), 1 (it cannot).

use super::deploy::{Purpose, prepare};
use crate::arguments::DeployArguments;
use crate::context::Context;
use crate::exit::{Ended, Ending};

pub(super) async fn run(context: &Context, arguments: &DeployArguments) -> Ending {
    plan(context, arguments).await.map_err(|ended| match ended {
        // 2 means "there is something to do" here: a plan that cannot be carried out must not look like one that can.
        Ended::Refused(errors) => Ended::Failed(errors),
        other => other,
    })
}

async fn plan(context: &Context, arguments: &DeployArguments) -> Ending {
    let (mut client, app, request, mut asked) = prepare(context, arguments, Purpose::Read).await?;
    let asking = async { Ok(client.plan(&app, &arguments.environment, &request).await?) };
    let plan = asked.or(context.output, "stopped: nothing was changed", asking).await?;
    let output = context.output;
    if output.json {
        output.value(&plan);
    } else {
        for note in &plan.notes {
            output.warning(note);
        }
        if plan.steps.is_empty() {
            output.data(&format!("{} runs this already: nothing to do", plan.environment));
        } else {
            let from = plan.from.map_or("nothing".to_owned(), |revision| format!("revision {revision}"));
            output.data(&format!("{app} in {}: from {from}", plan.environment));
            plan.changes.iter().for_each(|line| output.data(&format!("  {line}")));
            output.data("steps:");
            plan.steps.iter().enumerate().for_each(|(i, line)| output.data(&format!("  {}. {line}", i + 1)));
        }
    }
    if plan.steps.is_empty() { Ok(()) } else { Err(Ended::Differs) }
}
