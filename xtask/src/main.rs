//! The one entry point for developers, and for CI: `cargo xtask`.

mod ci;
mod failure;
mod fresh;
mod generate;
mod output;
mod shell;
mod tidy;
mod workspace;

use failure::Failure;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask <task>

  ci [--quick] [STEP…]   everything that a change must pass; --quick leaves out what takes minutes
  tidy                   the rules of the house that no compiler checks
  generate [--check]     write what is generated from code, or say what is not as it would be written
  fresh                  setup.sh and test.sh on a Debian that has nothing; needs root and debootstrap";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::error(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<(), Failure> {
    let Some((task, rest)) = arguments.split_first() else {
        return Err(Failure::Usage(USAGE));
    };
    match task.as_str() {
        "ci" => ci::run(rest),
        "tidy" => tidy::run(),
        "fresh" => fresh::run(rest),
        "generate" => generate::run(rest),
        _ => Err(Failure::Usage(USAGE)),
    }
}
