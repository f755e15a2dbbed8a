//! What can be typed.

mod building;
mod deploying;
mod looking;
mod node;

pub(crate) use building::{
    BuildArguments, CheckArguments, ExportArguments, Forge, ImageVerb, InitArguments, InspectArguments, PushArguments,
};
pub(crate) use deploying::{DeployArguments, DevArguments, DiffArguments, PromoteArguments, RollbackArguments, Wait};
pub(crate) use looking::{
    ExecArguments, HistoryArguments, JobsArguments, LogsArguments, OpenArguments, RunArguments, RunsArguments,
    StatusArguments,
};
pub(crate) use node::{InstallArguments, NodeVerb};

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use seaworthy_model::Name;
use std::path::PathBuf;

/// From a git commit to production, and keep it there.
#[derive(Debug, Parser)]
#[command(name = "seaworthy", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// The options of every verb.
    #[command(flatten)]
    pub common: Common,
}

/// The options of every verb.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// Print data as JSON
    #[arg(long, global = true)]
    pub json: bool,
    /// The manifest (default: the nearest seaworthy.toml, from this folder upwards)
    #[arg(long, global = true, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The app, where there is no manifest
    #[arg(long, global = true, value_name = "APP")]
    pub app: Option<Name>,
    /// The node: ssh://user@host (default: what the environment says, else this machine)
    #[arg(long, global = true, value_name = "URL")]
    pub node: Option<String>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Write a seaworthy.toml for what is in this folder
    Init(InitArguments),
    /// Say what this machine can and cannot do for you
    Doctor,
    /// Everything that is needed to have it running: node, build, deployment
    Up(DeployArguments),
    /// Stop an environment (volumes stay)
    Down(EnvironmentArgument),
    /// Work on it: rebuild and restart what changes, with one stream of logs
    Dev(DevArguments),
    /// Test, build and try a commit, and say whether it is good
    Check(CheckArguments),
    /// Test and build a release
    Build(BuildArguments),
    /// The images that were built here
    #[command(subcommand)]
    Image(ImageVerb),
    /// Show what a deployment would do: exits 0 (nothing), 2 (something) or 1 (it cannot)
    Plan(DeployArguments),
    /// Bring a release to an environment
    Deploy(DeployArguments),
    /// Show what runs
    Status(StatusArguments),
    /// Show logs
    Logs(LogsArguments),
    /// Open an environment's address in a browser
    Open(OpenArguments),
    /// Run in TO what FROM runs
    Promote(PromoteArguments),
    /// Go back to the last good revision, or stop the deployment that is under way
    Rollback(RollbackArguments),
    /// Show what differs between two environments: exits 0 (nothing) or 2 (something)
    Diff(DiffArguments),
    /// Show who deployed what, when, and how it ended
    History(HistoryArguments),
    /// Run a program in a running instance: a shell, if none is named
    Exec(ExecArguments),
    /// Show what the node did by itself about the commits that environments follow
    Runs(RunsArguments),
    /// Show what runs by the clock, and how the last runs went
    Jobs(JobsArguments),
    /// Run a command beside a service, in its image and with its values; or a job, now
    Run(RunArguments),
    /// The machine's own daemon
    #[command(subcommand)]
    Node(NodeVerb),
    /// Print the JSON Schema of seaworthy.toml
    Schema,
    /// Print a completion script
    Completions {
        /// For this shell
        shell: Shell,
    },
}

/// A verb for one environment.
#[derive(Debug, Args)]
pub(crate) struct EnvironmentArgument {
    /// The environment
    pub environment: Name,
}
