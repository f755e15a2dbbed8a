//! What can go wrong between node and gateway.

use super::Refusal;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a command to the gateway has no result.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Nobody answers at the socket. Repeating helps once the gateway runs.
    #[error("the gateway does not answer at `{socket}`")]
    Unreachable {
        /// The socket.
        socket: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It was asked and went away before it answered: whether the command was done is unknown; all may be repeated.
    #[error("the gateway went away before it answered")]
    Interrupted(#[source] io::Error),
    /// It took longer than any such command may.
    #[error("the gateway has not answered within {0:?}")]
    TimedOut(Duration),
    /// The answer cannot be read.
    #[error("the gateway's answer cannot be read")]
    Unreadable(#[source] serde_json::Error),
    /// It refused.
    #[error("the gateway refused")]
    Refused(#[source] Refusal),
    /// The parent could not be started.
    #[error("the gateway cannot be started; its log is `{log}`")]
    NotStarted {
        /// Where it writes what goes wrong.
        log: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl ControlError {
    /// Whether nobody was there at all, so that [`super::start`] may help.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. })
    }
}
