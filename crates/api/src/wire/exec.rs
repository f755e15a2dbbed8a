//! Another program in a running instance.

use seaworthy_model::Name;
use serde::{Deserialize, Serialize};

/// `POST /v1/apps/APP/environments/ENV/exec`, with [`EXEC_PROTOCOL`] as `Upgrade`. The node answers 101 once the
/// program runs; from then on both sides send [frames](crate::frames).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExecRequest {
    /// In an instance of this service.
    pub service: Name,
    /// The instance's slot; `None`: the first that runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<u16>,
    /// Program and arguments; empty: a shell, if there is one.
    #[serde(default)]
    pub command: Vec<String>,
    /// Its streams are a terminal like this; `None`: three pipes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<ExecTerminal>,
}

/// The terminal of whoever asks.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExecTerminal {
    /// What kind it is (`TERM`).
    pub kind: String,
    /// Its size.
    #[serde(flatten)]
    pub size: TerminalSize,
}

/// How much a terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters in a line.
    pub columns: u16,
}

/// What the connection becomes.
pub const EXEC_PROTOCOL: &str = "seaworthy-exec/1";
