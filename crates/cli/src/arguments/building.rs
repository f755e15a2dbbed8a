//! What brings a commit to a release: `init`, `check`, `build`, `image`.

use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;

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
