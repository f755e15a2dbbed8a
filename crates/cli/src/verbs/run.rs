//! `seaworthy run ENV SERVICE -- COMMAND`: a one-off beside the running ones.

use crate::arguments::RunArguments;
use crate::context::Context;
use crate::exit::{Ended, Ending};
use seaworthy_api::wire::{RunEvent, RunRequest};

pub(super) async fn run(context: &Context, arguments: &RunArguments) -> Ending {
    if let Some(job) = &arguments.job {
        return super::jobs::run_now(context, &arguments.environment, job).await;
    }
    let Some(service) = &arguments.service else {
        return Err(Ended::Usage("error: name a service and a command, or a job with `--job`".to_owned()));
    };
    let app = context.app()?;
    let mut client = context.client(Some(&arguments.environment)).await?;
    context.check_known(&mut client, &app, &arguments.environment).await?;
    let request = RunRequest { service: service.clone(), command: arguments.command.clone() };
    let output = context.output;
    let mut ending = Ok(());
    let call = client.run(&app, &arguments.environment, &request, |event| {
        match event {
            RunEvent::Line(line) if output.json => output.value(&line),
            RunEvent::Line(line) if line.stream == "stderr" => output.note(&line.text),
            RunEvent::Line(line) => output.data(&line.text),
            RunEvent::Exit(0) => {}
            RunEvent::Exit(code) => ending = Err(Ended::Code(u8::try_from(code).unwrap_or(1))),
            RunEvent::Failed(diagnostic) => ending = Err(Ended::failed(diagnostic)),
        }
        true
    });
    tokio::select! {
        result = call => result?,
        // The node ends the command when nobody listens any more.
        _ = tokio::signal::ctrl_c() => return Err(Ended::Code(130)),
    }
    ending
}
