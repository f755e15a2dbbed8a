//! What is looked at, and what is run beside it: `status`, `logs`, `open`, `history`, `runs`, `jobs`, `exec`, `run`.

use clap::Args;
use seaworthy_model::Name;

/// `status`.
#[derive(Debug, Args)]
pub(crate) struct StatusArguments {
    /// The environment (default: all)
    pub environment: Option<Name>,
    /// Follow the deployment that is under way
    #[arg(long, short)]
    pub follow: bool,
}

/// `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArguments {
    /// The environment
    #[arg(default_value = "dev")]
    pub environment: Name,
    /// The service (default: all)
    pub service: Option<Name>,
    /// Go on with what comes
    #[arg(long, short)]
    pub follow: bool,
    /// How many of the last lines
    #[arg(long, short = 'n', default_value_t = 100)]
    pub lines: usize,
}

/// `open`.
#[derive(Debug, Args)]
pub(crate) struct OpenArguments {
    /// The environment
    #[arg(default_value = "dev")]
    pub environment: Name,
    /// The route (default: the first)
    pub route: Option<Name>,
}

/// `history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// The environment (default: all of the app)
    pub environment: Option<Name>,
    /// How many of the last deployments
    #[arg(long, short = 'n', default_value_t = 20)]
    pub lines: usize,
}

/// `runs`.
#[derive(Debug, Args)]
pub(crate) struct RunsArguments {
    /// The environment (default: all of the app)
    pub environment: Option<Name>,
    /// How many of the last runs
    #[arg(long, short = 'n', default_value_t = 20)]
    pub lines: usize,
    /// Try the newest commit of the environment again
    #[arg(long, requires = "environment")]
    pub again: bool,
}

/// `jobs`.
#[derive(Debug, Args)]
pub(crate) struct JobsArguments {
    /// The environment
    #[arg(default_value = "dev")]
    pub environment: Name,
    /// The job (default: all)
    pub job: Option<Name>,
    /// How many of the last runs
    #[arg(long, short = 'n', default_value_t = 20)]
    pub lines: usize,
}

/// `exec`.
#[derive(Debug, Args)]
pub(crate) struct ExecArguments {
    /// The environment
    pub environment: Name,
    /// The service
    pub service: Name,
    /// The instance's number (default: the first that runs)
    #[arg(long, value_name = "N")]
    pub instance: Option<u16>,
    /// Program and arguments (default: a shell)
    #[arg(last = true)]
    pub command: Vec<String>,
}

/// `run`.
#[derive(Debug, Args)]
#[command(override_usage = "seaworthy run <ENVIRONMENT> <SERVICE> -- <COMMAND>...\n       \
                            seaworthy run <ENVIRONMENT> --job <JOB>")]
pub(crate) struct RunArguments {
    /// The environment
    pub environment: Name,
    /// The service
    #[arg(required_unless_present = "job")]
    pub service: Option<Name>,
    /// Start a run of this job now, and wait for its end
    #[arg(long, value_name = "JOB", conflicts_with_all = ["service", "command"])]
    pub job: Option<Name>,
    /// Program and arguments
    #[arg(last = true, required_unless_present = "job")]
    pub command: Vec<String>,
}
