//! The node itself.

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

/// `POST /v1/node/stop`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StopRequest {
    /// Gateway and instances too.
    pub all: bool,
}
