//! The typed client.

mod body;
mod calls;
mod connection;
mod conversation;
mod runs;
mod transport;

pub use calls::LogQuery;
pub use connection::Client;
pub use conversation::{Conversation, FromNode, ToNode};
pub use transport::{READS_VARIABLE, Transport};

use seaworthy_diagnostics::Diagnostic;

/// Why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers there.
    #[error("cannot reach the node at {place}: {reason}")]
    Unreachable {
        /// The socket or the ssh destination.
        place: String,
        /// What the system or ssh said.
        reason: String,
    },
    /// The connection was lost in the middle.
    #[error("the connection to the node was lost: {0}")]
    Lost(String),
    /// The node answered something else than the protocol says.
    #[error("the node's answer is not understood: {0}")]
    Protocol(String),
    /// The node refused or failed, and says why.
    #[error("{}", .errors.first().map_or("the node refused without a reason", |e| e.message.as_str()))]
    Refused {
        /// The HTTP status: 4xx refused, 5xx failed.
        status: u16,
        /// At least one.
        errors: Vec<Diagnostic>,
    },
}
