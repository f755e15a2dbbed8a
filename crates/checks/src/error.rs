//! Why checks could not run.

use seaworthy_diagnostics::{Diagnostic, Fault};
use std::path::PathBuf;
use std::time::Duration;

/// The checks could not run. This says nothing about the service, and must never count as a pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ChecksError {
    /// The helper executable is nowhere.
    #[error("the program `seaworthy-check` is missing: looked for {}", list(.looked))]
    Missing {
        /// Where it was looked for.
        looked: Vec<PathBuf>,
    },
    /// The helper is there and cannot be started.
    #[error("cannot start `{}`", .path.display())]
    Start {
        /// The helper.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The pipes to the helper broke.
    #[error("cannot talk to `seaworthy-check`")]
    Pipe(#[source] std::io::Error),
    /// The helper did not answer in time and was killed.
    #[error("`seaworthy-check` did not answer within {} ms and was killed", .after.as_millis())]
    Hung {
        /// How long it had.
        after: Duration,
    },
    /// The helper wrote without end and was killed.
    #[error("`seaworthy-check` answered more than {bytes_max} bytes and was killed")]
    Flooded {
        /// How much it may answer.
        bytes_max: usize,
    },
    /// The helper ended before it had answered.
    #[error("`seaworthy-check` ended early ({status}){}", last_words(.stderr))]
    Died {
        /// How it ended.
        status: std::process::ExitStatus,
        /// The beginning of what it said on standard error.
        stderr: String,
    },
    /// The helper says that it cannot do this.
    #[error("`seaworthy-check` refused: {message}")]
    Refused {
        /// Why.
        message: String,
    },
    /// The helper answered something else than this protocol.
    #[error("`seaworthy-check` answered something that is not understood: `{line}`")]
    Garbled {
        /// The beginning of the line.
        line: String,
        /// Why it is not understood.
        source: Option<serde_json::Error>,
    },
    /// There is no answer for a file.
    #[error("`seaworthy-check` gave no answer for `{name}`")]
    Unanswered {
        /// The file.
        name: String,
    },
    /// The files are too large for one request.
    #[error("the checks are {bytes} bytes together, {bytes_max} at most")]
    TooLarge {
        /// How large the request is.
        bytes: usize,
        /// How large it may be.
        bytes_max: usize,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" and ")
}

fn last_words(stderr: &str) -> String {
    stderr.lines().next().map_or_else(String::new, |line| format!(": {line}"))
}

impl ChecksError {
    /// The error as a person reads it.
    #[must_use]
    pub fn to_diagnostic(&self) -> Diagnostic {
        let cause = std::error::Error::source(self).map_or_else(String::new, |source| format!(": {source}"));
        let message = format!("the checks could not run: {self}{cause}");
        match self {
            Self::Missing { .. } => Diagnostic::machine(message).help(
                "build it with `cargo build --release -p seaworthy-check` and put it beside `seaworthy`, or name it in \
                 `SEAWORTHY_CHECK`",
            ),
            Self::Start { .. } => Diagnostic::machine(message)
                .help("the file and the folders above it must be open to the user that runs the checks"),
            Self::Hung { .. } | Self::Pipe(_) => Diagnostic::machine(message).later(),
            Self::Flooded { .. } | Self::Died { .. } | Self::Unanswered { .. } => {
                Diagnostic::new(Fault::Seaworthy, message)
            }
            Self::Garbled { .. } | Self::Refused { .. } => Diagnostic::new(Fault::Seaworthy, message)
                .help("`seaworthy` and `seaworthy-check` must come from the same build"),
            Self::TooLarge { .. } => Diagnostic::user(message).help("split the checks or shorten them"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_to_do() {
        let looked = vec!["/usr/bin/seaworthy-check".into(), "/opt/check".into()];
        let diagnostic = ChecksError::Missing { looked }.to_diagnostic();
        let text = seaworthy_diagnostics::render(&diagnostic, false).replace(": ", ":\n").replace(", or", ",\nor");
        insta::assert_snapshot!(text, @"
        error:
        the checks could not run:
        the program `seaworthy-check` is missing:
        looked for `/usr/bin/seaworthy-check` and `/opt/check`
        help:
        build it with `cargo build --release -p seaworthy-check` and put it beside `seaworthy`,
        or name it in `SEAWORTHY_CHECK`
        ");
    }

    #[test]
    fn a_message_never_repeats_its_source_but_the_diagnostic_has_both() {
        let source = std::io::Error::from(std::io::ErrorKind::PermissionDenied);
        let error = ChecksError::Start { path: "/c".into(), source };
        assert_eq!(error.to_string(), "cannot start `/c`");
        assert_eq!(error.to_diagnostic().message, "the checks could not run: cannot start `/c`: permission denied");
    }
}
