//! The one place of this crate that starts programs.

use crate::failure::Failure;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program with its arguments, in a folder, with this process' environment.
#[expect(clippy::disallowed_methods, reason = "what a developer runs inherits the developer's environment")]
pub(crate) fn command(folder: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(folder);
    command
}

/// What the program printed on standard output; anything but exit code 0 is an error.
pub(crate) fn capture(folder: &Path, words: &[&str]) -> Result<String, Failure> {
    let output = command(folder, words)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::Start { program: words[0].to_owned(), source })?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Failure::Exit { command: words.join(" "), code: output.status.code().unwrap_or(-1) })
    }
}

/// Runs a program whose output is for the developer.
pub(crate) fn run(folder: &Path, words: &[&str]) -> Result<(), Failure> {
    status(command(folder, words), &words.join(" "))
}

/// Runs a command to its end; anything but exit code 0 is an error that bears this name.
pub(crate) fn status(mut command: Command, name: &str) -> Result<(), Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(|source| Failure::Start { program, source })?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::Exit { command: name.to_owned(), code: status.code().unwrap_or(-1) })
    }
}

/// Whether a program of this name is in the PATH.
pub(crate) fn exists(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).is_file()))
}
