//! The node itself.

use seaworthy_diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};

/// `GET /v1/node`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NodeInfo {
    /// The program's version.
    pub version: String,
    /// [`crate::API_VERSION`].
    pub api: u32,
    /// Its process.
    pub pid: u32,
    /// Where its state is.
    pub home: String,
    /// The user it runs as.
    pub user: String,
    /// RFC 3339.
    pub started_at: String,
    /// Where users reach the gateway.
    pub addresses: Vec<String>,
    /// The gateway's worker, if it answers.
    pub gateway_pid: Option<u32>,
    /// How often the gateway's worker was started again.
    pub gateway_restarts: u64,
    /// `none` (no sandbox yet).
    pub isolation: String,
    /// `x86_64-linux` and the like: what it can run.
    pub platform: String,
    /// Where images can be pulled from and pushed to, if the node was told to serve them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<RegistryInfo>,
}

/// The node's registry.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RegistryInfo {
    /// `127.0.0.1:PORT`
    pub address: String,
    /// The file on the node's machine with the token: the password of any user name.
    pub token_file: String,
}

/// A node that somebody stopped on purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStopped {
    /// When: RFC 3339.
    #[serde(default)]
    pub at: Option<String>,
    /// Who asked for it.
    #[serde(default)]
    pub by: Option<String>,
    /// Gateway and instances were stopped, too.
    #[serde(default)]
    pub all: bool,
    /// It is the installed one, which systemd starts.
    #[serde(default)]
    pub installed: bool,
}

impl NodeStopped {
    /// `the node was stopped by `anne` at 2026-01-31T12:00:00Z; gateway and services go on without it`.
    #[must_use]
    pub fn words(&self) -> String {
        let by = self.by.as_ref().map(|by| format!(" by `{by}`")).unwrap_or_default();
        let at = self.at.as_ref().and_then(|at| at.get(..19)).map(|at| format!(" at {at}Z")).unwrap_or_default();
        let rest = if self.all { ", with gateway and services" } else { "; gateway and services go on without it" };
        format!("the node was stopped{by}{at}{rest}")
    }

    /// How to start it again.
    #[must_use]
    pub fn help(&self) -> &'static str {
        if self.installed {
            "`sudo systemctl start seaworthy` starts it again"
        } else {
            "`seaworthy node start` starts it again, and so does every verb that changes something"
        }
    }

    /// Why there is no answer.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        Diagnostic::user(self.words()).help(self.help())
    }
}

/// `POST /v1/node/stop`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopRequest {
    /// Gateway and instances too.
    pub all: bool,
}
