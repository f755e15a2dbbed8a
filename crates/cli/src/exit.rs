//! How a verb ends.

use seaworthy_api::ClientError;
use seaworthy_diagnostics::{Diagnostic, Fault};
use std::process::ExitCode;

/// A verb that did not do what was asked.
#[derive(Debug)]
pub(crate) enum Ended {
    /// It was tried and failed: exit code 1.
    Failed(Vec<Diagnostic>),
    /// It was refused, nothing was tried: exit code 2.
    Refused(Vec<Diagnostic>),
    /// Two things differ (`plan`, `diff`): exit code 2, nothing to say.
    Differs,
    /// A program that was run ended with this code; nothing to say.
    Code(u8),
    /// It was typed wrong: exit code 64 (`EX_USAGE` of sysexits.h).
    Usage(String),
}

/// What a verb gives back.
pub(crate) type Ending = Result<(), Ended>;

impl Ended {
    /// The process's exit code.
    pub(crate) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Refused(_) | Self::Differs => 2,
            Self::Code(code) => *code,
            Self::Usage(_) => 64,
        })
    }

    /// A refusal with one reason.
    pub(crate) fn refused(diagnostic: Diagnostic) -> Self {
        Self::Refused(vec![diagnostic])
    }

    /// A failure with one reason.
    pub(crate) fn failed(diagnostic: Diagnostic) -> Self {
        Self::Failed(vec![diagnostic])
    }
}

impl From<ClientError> for Ended {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Refused { status, errors } if status < 500 => Self::Refused(errors),
            ClientError::Refused { errors, .. } => Self::Failed(errors),
            ClientError::Unreachable { .. } => Self::failed(
                Diagnostic::machine(error.to_string())
                    .help("`seaworthy node status` says whether it runs, `seaworthy doctor` what is in the way")
                    .later(),
            ),
            ClientError::Lost(_) => Self::failed(
                Diagnostic::machine(error.to_string())
                    .help("what was under way goes on: `seaworthy status` finds it again")
                    .later(),
            ),
            ClientError::Protocol(_) => Self::failed(
                Diagnostic::new(Fault::Seaworthy, error.to_string())
                    .help("are both ends of the same version? `seaworthy node status` and `seaworthy --version` tell"),
            ),
        }
    }
}
