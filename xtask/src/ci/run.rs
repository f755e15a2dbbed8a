//! Runs one step: its output goes through as it comes, and its tests are counted on the way.

use super::counts::Counts;
use super::step::Step;
use crate::{output, shell};
use std::io::{self, BufRead, BufReader, Read};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How a step ended.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) counts: Counts,
    pub(super) elapsed: Duration,
    /// What went wrong, in a few words.
    pub(super) failure: Option<String>,
}

/// `database` is the URL of a server for those tests that want one; without it they count as skipped.
pub(super) fn step(step: &Step, database: Option<&str>) -> Outcome {
    output::line(format!("\n==> {}: {}", step.name, step.command.join(" ")));
    let started = Instant::now();
    let mut counts = Counts::default();
    let failure = match stream(step, database, &mut counts) {
        Err(error) => Some(format!("could not run: {error}")),
        Ok(status) if !status.success() => Some(status.to_string()),
        Ok(_) if counts.failed > 0 => Some(format!("{} tests failed, yet the exit code is 0", counts.failed)),
        Ok(_) if step.tests && counts.total() == 0 => Some("ran no test".to_owned()),
        Ok(_) => None,
    };
    if !step.tests {
        counts = Counts::default();
    }
    Outcome { name: step.name.clone(), counts, elapsed: started.elapsed(), failure }
}

fn stream(step: &Step, database: Option<&str>, counts: &mut Counts) -> io::Result<ExitStatus> {
    let (reader, writer) = io::pipe()?;
    let words: Vec<&str> = step.command.iter().map(String::as_str).collect();
    let mut command = shell::command(&step.folder, &words);
    command.stdin(Stdio::null()).stdout(writer.try_clone()?).stderr(writer);
    // A developer's own node is none of the tests' business.
    command.env_remove("SEAWORTHY_HOME").env_remove("SEAWORTHY_PORT");
    // `cargo run` says of which package this program is: build scripts would take a change of that for a reason to run.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", test_threads().to_string());
    }
    if let Some(url) = database.filter(|_| step.database) {
        command.env("TEST_POSTGRES_URL", url);
    }
    let mut child = command.spawn()?;
    drop(command); // and with it the writing ends, so that reading ends
    echo(reader, counts)?;
    child.wait()
}

/// Twice as many as there are cores: what takes long waits for processes and for time to pass, it does not compute.
fn test_threads() -> usize {
    2 * std::thread::available_parallelism().map_or(1, usize::from)
}

fn echo(reader: impl Read, counts: &mut Counts) -> io::Result<()> {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        *counts += Counts::of_line(text);
        output::line(text);
        line.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn outcome(script: &str) -> Outcome {
        step(&Step::new("x", Path::new("."), "sh -c").argument(script).tests(), None)
    }

    #[test]
    fn a_step_that_ran_no_test_has_failed() {
        assert_eq!(outcome("true").failure.as_deref(), Some("ran no test"));
    }

    #[test]
    fn the_exit_code_counts_and_so_do_failed_tests() {
        assert_eq!(outcome("echo '# pass 3'").failure, None);
        assert_eq!(outcome("echo '# pass 3' >&2").counts.passed, 3);
        assert!(outcome("echo '# pass 3'; exit 4").failure.is_some());
        assert!(outcome("echo '# fail 1'").failure.is_some());
        assert!(outcome("kill -9 $$").failure.is_some());
    }
}
