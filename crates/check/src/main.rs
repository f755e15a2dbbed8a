//! `seaworthy-check`: reads Hurl files as JSON on standard input, runs them, and answers in lines of JSON.
//!
//! It is an executable of its own because Hurl blocks, writes to the terminal by itself and links C libraries, none of
//! which may reach the `seaworthy` binary. What it reads and writes is described in `seaworthy_checks::wire`.

mod answers;
mod confinement;
mod deadline;
mod excerpt;
mod failure;
mod inspect;
mod limits;
mod request;
mod run;
mod source;
mod variables;

use answers::Answers;
use seaworthy_checks::wire::{Answer, Operation, Request};
use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    let answers = Arc::new(Answers::new());
    let done = limits::apply().and_then(|()| request::read(std::io::stdin().lock())).and_then(|request| {
        match request.operation {
            Operation::Inspect => inspect_all(&request, &answers),
            Operation::Run => run_all(request, &answers),
        }
        .map_err(|error| format!("cannot write an answer: {error}"))
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            // If the error cannot be written either, the exit code alone has to say it.
            let _ = answers.last(Answer::Error { message });
            ExitCode::from(2)
        }
    }
}

fn inspect_all(request: &Request, answers: &Answers) -> std::io::Result<()> {
    for file in &request.files {
        answers.give(&Answer::Inspected(inspect::inspect(file)))?;
    }
    answers.last(Answer::Summary { files: request.files.len() })
}

fn run_all(request: Request, answers: &Arc<Answers>) -> std::io::Result<()> {
    let request = Arc::new(request);
    deadline::watch(Arc::clone(&request), Arc::clone(answers));
    for file in &request.files {
        answers.give(&Answer::Ran(run::run(file, request.timeout_ms)))?;
    }
    answers.last(Answer::Summary { files: request.files.len() })
}
