//! `seaworthy logs`.

use crate::arguments::LogsArguments;
use crate::context::Context;
use crate::exit::Ending;
use crate::output::Output;
use anstyle::{AnsiColor, Style};
use seaworthy_api::client::LogQuery;
use seaworthy_api::wire::LogLine;
use seaworthy_api::{Client, ClientError};
use seaworthy_model::Name;

pub(super) async fn run(context: &Context, arguments: &LogsArguments) -> Ending {
    let app = context.app()?;
    context.check_environment("logs", &arguments.environment)?;
    let mut client = context.reader(Some(&arguments.environment)).await?;
    context.check_known(&mut client, &app, &arguments.environment).await?;
    let query = LogQuery { service: arguments.service.clone(), lines: arguments.lines, follow: arguments.follow };
    let output = context.output;
    tokio::select! {
        ended = show(&mut client, &app, &arguments.environment, &query, output) => Ok(ended?),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Prints lines as they come.
async fn show(
    client: &mut Client,
    app: &Name,
    environment: &Name,
    query: &LogQuery,
    output: Output,
) -> Result<(), ClientError> {
    client
        .logs(app, environment, query, |line| {
            print(output, &line);
            true
        })
        .await
}

/// Prints a line; shared with `dev`.
pub(super) fn print(output: Output, line: &LogLine) {
    if output.json {
        output.value(line);
    } else {
        output.data(&text(line));
    }
}

/// `TIME SERVICE/SLOT | TEXT`, or `SERVICE/JOB-RUN` for a run of a job; each service in a colour of its own.
fn text(line: &LogLine) -> String {
    let style = colour(&line.service);
    let slot = run_of_job(line).unwrap_or_else(|| line.instance.rsplit('-').next().unwrap_or_default());
    let time = line.at.get(11..23).unwrap_or(&line.at);
    let mark = if line.stream == "stderr" { "!" } else { "|" };
    format!("{time} {style}{}/{slot}{style:#} {mark} {}", line.service, line.text)
}

/// `JOB-RUN` of `APP-ENV-SERVICE-HASH-job-JOB-RUN`.
fn run_of_job(line: &LogLine) -> Option<&str> {
    let (_, rest) = line.instance.split_once(&format!("-{}-", line.service))?;
    rest.split_once('-')?.1.strip_prefix("job-")
}

fn colour(service: &Name) -> Style {
    const COLOURS: [AnsiColor; 6] = [
        AnsiColor::Cyan,
        AnsiColor::Green,
        AnsiColor::Yellow,
        AnsiColor::Magenta,
        AnsiColor::Blue,
        AnsiColor::BrightRed,
    ];
    let sum: usize = service.as_str().bytes().map(usize::from).sum();
    COLOURS[sum % COLOURS.len()].on_default()
}
