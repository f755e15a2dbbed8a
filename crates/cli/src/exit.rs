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
            ClientError::Unreachable { place, reason } => Self::failed(unreachable(&place, &reason)),
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

/// Why a node cannot be reached; ssh, or the shell on the other side, has said so in its own words.
fn unreachable(place: &str, reason: &str) -> Diagnostic {
    let lines: Vec<String> = reason.lines().map(|line| line.trim_end().to_owned()).collect();
    let last = lines.last().cloned().unwrap_or_default();
    let diagnostic = Diagnostic::machine(format!("cannot reach the node at {place}: {last}")).later();
    let Some(destination) = place.strip_prefix("ssh://") else {
        return diagnostic.help("`seaworthy node status` says whether it runs, `seaworthy doctor` what is in the way");
    };
    let by_hand = match destination.rsplit_once(':') {
        Some((host, port)) => format!("ssh -p {port} {host}"),
        None => format!("ssh {destination}"),
    };
    let help = if reason.contains("seaworthy: not found") || reason.contains("seaworthy: command not found") {
        format!("`seaworthy node install --on {place}` puts it there")
    } else {
        format!("`{by_hand} true` must work without a question first")
    };
    let evidence = if lines.len() > 1 { lines } else { Vec::new() };
    diagnostic.evidence(evidence).help(help)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_comes_with_the_next_thing_to_do() {
        let missing = unreachable("ssh://me@host", "sh: 1: exec: seaworthy: not found");
        assert_eq!(missing.help.as_deref(), Some("`seaworthy node install --on ssh://me@host` puts it there"));
        let changed = unreachable("ssh://me@host:22", "WARNING\r\nHost key verification failed.\r");
        assert_eq!(changed.message, "cannot reach the node at ssh://me@host:22: Host key verification failed.");
        assert_eq!(changed.help.as_deref(), Some("`ssh -p 22 me@host true` must work without a question first"));
        assert_eq!(changed.evidence, ["WARNING", "Host key verification failed."]);
        let here = unreachable("/run/node.sock", "refused");
        assert!(here.help.is_some_and(|help| help.contains("node status")));
    }
}
