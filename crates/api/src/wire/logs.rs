//! Logs and one-off commands, as lines of JSON.

use seaworthy_model::Name;
use serde::{Deserialize, Serialize};

/// One line of `GET /v1/apps/APP/environments/ENV/logs?service=S&lines=N&follow=true`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogLine {
    /// RFC 3339 with microseconds.
    pub at: String,
    /// The service.
    pub service: Name,
    /// The instance's id.
    pub instance: String,
    /// `stdout` or `stderr`.
    pub stream: String,
    /// The line, with control characters and invalid UTF-8 escaped.
    pub text: String,
}

/// `POST /v1/apps/APP/environments/ENV/run`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRequest {
    /// In the image and with the values of this service.
    pub service: Name,
    /// Program and arguments.
    pub command: Vec<String>,
}

/// One line of the answer to a [`RunRequest`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunEvent {
    /// A line that it wrote.
    Line(LogLine),
    /// It ended; 128 + the signal's number if by a signal.
    Exit(i32),
    /// It could not run.
    Failed(seaworthy_diagnostics::Diagnostic),
}
