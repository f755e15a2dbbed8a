//! The machine: `node`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `node …`.
#[derive(Debug, Subcommand)]
pub(crate) enum NodeVerb {
    /// Start the node, if it does not run
    Start,
    /// Stop the node; what it runs goes on
    Stop {
        /// Stop gateway and instances too
        #[arg(long)]
        all: bool,
    },
    /// Say whether the node runs, and where
    Status,
    /// Say how a webhook of the app's repository wakes the node
    Webhook(WebhookArguments),
    /// Make the node a service of this machine, or of another
    Install(InstallArguments),
    /// Speak to the node over standard input and output (what ssh runs)
    #[command(hide = true)]
    Connect,
    /// The node itself
    #[command(hide = true)]
    Run,
}

/// `node webhook`.
#[derive(Debug, Args)]
pub(crate) struct WebhookArguments {
    /// Print the secret, too
    #[arg(long)]
    pub reveal: bool,
}

/// `node install`.
#[derive(Debug, Args)]
pub(crate) struct InstallArguments {
    /// On another machine: ssh://user@host
    #[arg(long, value_name = "URL")]
    pub on: Option<String>,
    /// Below this folder instead of / (for packaging and tests); starts nothing
    #[arg(long, value_name = "FOLDER")]
    pub root: Option<PathBuf>,
    /// Where users reach the gateway (default: 0.0.0.0:80; for a user's own node: 127.0.0.1:8080)
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',')]
    pub listen: Vec<String>,
}
