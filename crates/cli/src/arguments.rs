//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use seaworthy_model::Name;
use std::path::PathBuf;
use std::time::Duration;

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

/// `init`.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// Write over a file that is there
    #[arg(long)]
    pub force: bool,
    /// Write the workflow that runs `seaworthy check` there, too; a manifest that is there is left alone
    #[arg(long, value_enum, value_name = "FORGE")]
    pub ci: Option<Forge>,
    /// The git repository that the workflow builds seaworthy from
    #[arg(long, value_name = "URL", requires = "ci")]
    pub from: Option<String>,
    /// Where the workflow is written (default: where the forge looks for it)
    #[arg(long, value_name = "FILE", requires = "ci")]
    pub to: Option<PathBuf>,
}

/// Whose workflow it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Forge {
    /// GitHub Actions
    Github,
    /// GitLab CI/CD
    Gitlab,
    /// Forgejo Actions, and Gitea's
    Forgejo,
}

/// A verb for one environment.
#[derive(Debug, Args)]
pub(crate) struct EnvironmentArgument {
    /// The environment
    pub environment: Name,
}

/// `check`.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// The commit, by any name that git knows
    #[arg(default_value = "HEAD")]
    pub commit: String,
    /// Check what lies here instead, whether or not it is committed
    #[arg(long, conflicts_with = "commit")]
    pub working_tree: bool,
    /// Write the release that was built to this file, for another process to send; it is removed if there is none
    #[arg(long, value_name = "FILE")]
    pub bundle: Option<PathBuf>,
    /// Write steps and tests to this file as JUnit's XML
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Write findings to this file as SARIF 2.1.0, for code scanning
    #[arg(long, value_name = "FILE")]
    pub sarif: Option<PathBuf>,
    /// Write a summary for a pull request to this file as Markdown
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// How long one step may take, such as 10m (default: 1h)
    #[arg(long, value_name = "TIME", value_parser = seaworthy_model::units::parse_duration)]
    pub step_time: Option<Duration>,
    /// How much memory one step may use, such as 2GB (default: its share of three quarters of the machine's)
    #[arg(long, value_name = "SIZE", value_parser = seaworthy_model::units::parse_size)]
    pub step_memory: Option<u64>,
}

/// `build`.
#[derive(Debug, Args)]
pub(crate) struct BuildArguments {
    /// Build the commit of HEAD instead of the working tree
    #[arg(long)]
    pub commit: bool,
    /// Do not run tests
    #[arg(long)]
    pub no_test: bool,
    /// Build twice from nothing, in two folders, and compare: exits 0 (the same) or 2 (something differs)
    #[arg(long)]
    pub verify: bool,
    /// Look every base up anew and lock what is there today
    #[arg(long)]
    pub update: bool,
}

/// `image …`.
#[derive(Debug, Subcommand)]
pub(crate) enum ImageVerb {
    /// List the images of this app's builds, the newest first
    Ls,
    /// Show what is in an image, why, and how big it is
    Inspect(InspectArguments),
    /// Write an image as an OCI image layout, for other tools
    Export(ExportArguments),
    /// Bring an image to a registry, with the credentials of `podman login` or `docker login`
    Push(PushArguments),
}

/// `image inspect`.
#[derive(Debug, Args)]
pub(crate) struct InspectArguments {
    /// A service (its newest image), or the beginning of a digest
    pub image: String,
    /// Print its bill of materials instead (CycloneDX)
    #[arg(long, conflicts_with = "provenance")]
    pub sbom: bool,
    /// Print where it comes from instead (in-toto, SLSA)
    #[arg(long)]
    pub provenance: bool,
}

/// `image export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// A service (its newest image), or the beginning of a digest
    pub image: String,
    /// Where to: a folder that is not there yet, or a file that ends in .tar
    pub to: PathBuf,
}

/// `image push`.
#[derive(Debug, Args)]
pub(crate) struct PushArguments {
    /// A service (its newest image), or the beginning of a digest
    pub image: String,
    /// Where to: REGISTRY/NAME, or REGISTRY/NAME:TAG
    pub to: String,
}

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

/// `history`.
#[derive(Debug, Args)]
pub(crate) struct HistoryArguments {
    /// The environment (default: all of the app)
    pub environment: Option<Name>,
    /// How many of the last deployments
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
