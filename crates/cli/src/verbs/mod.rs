//! One file for each verb: it takes arguments, calls one function of the house, and prints.

mod build;
mod check;
mod completions;
mod deploy;
mod dev;
mod diff;
mod doctor;
mod down;
mod exec;
mod history;
mod image;
mod init;
mod jobs;
mod logs;
mod node;
mod open;
mod plan;
mod promote;
mod rollback;
mod run;
mod runs;
mod schema;
mod status;

use crate::arguments::{Arguments, Verb};
use crate::context::Context;
use crate::exit::{Ended, Ending};
use clap::Parser as _;
use seaworthy_diagnostics::Diagnostic;
use std::process::ExitCode;

/// Parses the command line and does what it says.
pub(crate) fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            // Asking for help or for the version is no wrong usage.
            return if error.use_stderr() { Ended::Usage(String::new()).code() } else { ExitCode::SUCCESS };
        }
    };
    let context = Context::new(arguments.common);
    let output = context.output;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ending = match runtime {
        Ok(runtime) => {
            let ending = runtime.block_on(dispatch(context, arguments.verb));
            // A blocking read of a terminal or a pipe must not keep the program from ending.
            runtime.shutdown_background();
            ending
        }
        Err(error) => Err(Ended::failed(Diagnostic::machine(error.to_string()))),
    };
    match ending {
        Ok(()) => ExitCode::SUCCESS,
        Err(ended) => {
            output.ended(&ended);
            ended.code()
        }
    }
}

async fn dispatch(context: Context, verb: Verb) -> Ending {
    match verb {
        Verb::Init(arguments) => init::run(&context, &arguments),
        Verb::Doctor => doctor::run(&context).await,
        Verb::Up(arguments) => deploy::up(&context, &arguments).await,
        Verb::Down(arguments) => down::run(&context, &arguments).await,
        Verb::Dev(arguments) => dev::run(&context, &arguments).await,
        Verb::Check(arguments) => check::run(&context, &arguments).await,
        Verb::Build(arguments) => build::run(&context, &arguments).await,
        Verb::Image(verb) => image::run(&context, &verb),
        Verb::Plan(arguments) => plan::run(&context, &arguments).await,
        Verb::Deploy(arguments) => deploy::run(&context, &arguments).await,
        Verb::Status(arguments) => status::run(&context, &arguments).await,
        Verb::Logs(arguments) => logs::run(&context, &arguments).await,
        Verb::Open(arguments) => open::run(&context, &arguments).await,
        Verb::Promote(arguments) => promote::run(&context, &arguments).await,
        Verb::Rollback(arguments) => rollback::run(&context, &arguments).await,
        Verb::Diff(arguments) => diff::run(&context, &arguments).await,
        Verb::History(arguments) => history::run(&context, &arguments).await,
        Verb::Jobs(arguments) => jobs::run(&context, &arguments).await,
        Verb::Exec(arguments) => exec::run(&context, &arguments).await,
        Verb::Runs(arguments) => runs::run(&context, &arguments).await,
        Verb::Run(arguments) => run::run(&context, &arguments).await,
        Verb::Node(verb) => node::run(&context, verb).await,
        Verb::Schema => schema::run(&context),
        Verb::Completions { shell } => completions::run(&context, shell),
    }
}
