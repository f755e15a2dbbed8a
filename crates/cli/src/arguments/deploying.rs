//! What changes an environment: `dev`, `up`, `plan`, `deploy`, `promote`, `rollback`; and what two differ in.

use clap::{Args, ValueEnum};
use seaworthy_model::Name;

/// `dev`.
#[derive(Debug, Args)]
pub(crate) struct DevArguments {
    /// Show only these services' logs
    pub services: Vec<Name>,
    /// Run tests before every restart
    #[arg(long)]
    pub test: bool,
}

/// `up`, `plan`, `deploy`.
#[derive(Debug, Clone, Args)]
pub(crate) struct DeployArguments {
    /// The environment
    #[arg(default_value = "dev")]
    pub environment: Name,
    /// Only these services; all others keep what they run
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub only: Vec<Name>,
    /// Return when this is reached
    #[arg(long, value_enum, default_value = "shift")]
    pub wait: Wait,
    /// Bind the app's name on the node to this source, if it is bound to another
    #[arg(long)]
    pub take_over: bool,
    /// Send the commit to the node, which tests and builds it; the node of a machine of another kind always does
    #[arg(long)]
    pub build_on_node: bool,
}

/// When a deployment is done enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Wait {
    /// At once
    None,
    /// When the new release carries all traffic
    Shift,
    /// When the old release is gone, too
    Bake,
}

/// `promote`.
#[derive(Debug, Args)]
pub(crate) struct PromoteArguments {
    /// What this environment runs
    pub from: Name,
    /// This one will run
    pub to: Name,
    /// Return when this is reached
    #[arg(long, value_enum, default_value = "shift")]
    pub wait: Wait,
}

/// `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArguments {
    /// The environment
    pub environment: Name,
    /// To this revision (default: the last good one before)
    #[arg(long, value_name = "REVISION")]
    pub to: Option<u64>,
    /// Return when this is reached
    #[arg(long, value_enum, default_value = "shift")]
    pub wait: Wait,
}

/// `diff`.
#[derive(Debug, Args)]
pub(crate) struct DiffArguments {
    /// One environment
    pub a: Name,
    /// The other
    pub b: Name,
}
