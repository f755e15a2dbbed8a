//! Building a release.

use crate::progress::Event;
use crate::seams::{BlobSink, Inspect};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::manifest::Manifest;
use seaworthy_model::release::ReleaseBundle;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// What to build, and with what.
pub struct Request<'a> {
    /// The manifest's file, below the folder that its paths are relative to.
    pub manifest_file: &'a Path,
    /// True: the commit of HEAD, in a checkout of its own. False: the working tree, in place.
    pub commit: bool,
    /// A folder of the user's own for checkouts and for what earlier builds made.
    pub cache: &'a Path,
    /// Where content goes.
    pub blobs: &'a dyn BlobSink,
    /// Who knows what checks do.
    pub inspect: &'a dyn Inspect,
    /// Whether the `test` lines run.
    pub test: bool,
    /// How long one service's tests, or its build, may take.
    pub time_max: Duration,
    /// Told everything that happens, from several threads.
    pub progress: &'a (dyn Fn(Event) + Sync),
    /// Set by the caller to stop: programs are ended, and the build fails.
    pub cancel: &'a AtomicBool,
}

/// What a build made.
pub struct Built {
    /// The manifest that was built (of the commit, not of the working tree, if a commit was asked for).
    pub manifest: Manifest,
    /// The release, its environments and where it comes from.
    pub bundle: ReleaseBundle,
}

/// Tests and builds every service, puts files and checks into the store and names the release.
///
/// # Errors
/// All errors of the manifest, or the first failing service's last lines and the command to run by hand.
pub fn build(request: &Request<'_>) -> Result<Built, Vec<Diagnostic>> {
    Err(vec![Diagnostic::user(format!("cannot build `{}`", request.manifest_file.display()))])
}
