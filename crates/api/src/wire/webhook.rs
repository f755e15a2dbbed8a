//! Webhooks that come in.

use serde::{Deserialize, Serialize};

/// `GET /v1/apps/APP/webhook?reveal=BOOL`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WebhookInfo {
    /// Where the node takes them, on its own machine; `None`: nowhere.
    pub url: Option<String>,
    /// The file on the node's machine with the secret that they are signed with.
    pub secret_file: String,
    /// The secret itself, if it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}
