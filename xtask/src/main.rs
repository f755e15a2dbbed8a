//! The one entry point for developers, and for CI: `cargo xtask`.

#[cfg(feature = "bench")]
mod bench;
mod bench_options;
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
  fresh                  setup.sh and test.sh on a Debian that has nothing; needs root and debootstrap
  bench gateway          CPU, speed and memory beside HAProxy and nginx
  bench deploy           how long a deployment takes, beside supervisord and podman-compose
  bench pipeline         how long a verdict takes: of everything, of nothing new, of one service
  bench start            how long an instance takes to start, beside runc
  bench internal         what a call between services costs, beside a request from outside";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        // No task knows `--help`: each says how it is used.
        Err(Failure::Usage(usage)) if arguments.iter().any(|argument| argument == "--help" || argument == "-h") => {
            output::line(usage);
            ExitCode::SUCCESS
        }
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
        "bench" => bench(rest),
        "ci" => ci::run(rest),
        "tidy" if rest.is_empty() => tidy::run(),
        "fresh" => fresh::run(rest),
        "generate" => generate::run(rest),
        _ => Err(Failure::Usage(USAGE)),
    }
}

#[cfg(feature = "bench")]
fn bench(arguments: &[String]) -> Result<(), Failure> {
    bench::run(&bench_options::parse(arguments)?)
}

/// Benches link the product; the other tasks must run while it does not compile.
#[cfg(not(feature = "bench"))]
fn bench(arguments: &[String]) -> Result<(), Failure> {
    let bench_options::Options { bench, .. } = bench_options::parse(arguments)?;
    let mut words = vec!["cargo", "run", "--quiet", "--bin=xtask", "--features=xtask/bench", "--", "bench", bench];
    words.extend(arguments[1..].iter().map(String::as_str));
    shell::run(&workspace::root(), &words)
}
