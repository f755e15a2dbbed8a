//! Building a release.

use crate::cache::Cache;
use crate::image::Made;
use crate::limits::StepLimits;
use crate::progress::Event;
use crate::seams::{Bases, BlobSink, Inspect};
use crate::source::{Source, SourceOf};
use crate::validate::validate;
use crate::work::{Work, Worked, bundle};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::manifest::Manifest;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::verdict::StepOutcome;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// What to build, and with what.
pub struct Request<'a> {
    /// The manifest's file, below the folder that its paths are relative to.
    pub manifest_file: &'a Path,
    /// Which state of it.
    pub of: &'a SourceOf,
    /// A folder of the user's own for checkouts and for what earlier builds made.
    pub cache: &'a Path,
    /// Where content goes.
    pub blobs: &'a dyn BlobSink,
    /// Who makes what services are put on top of.
    pub bases: &'a dyn Bases,
    /// Who knows what checks do.
    pub inspect: &'a dyn Inspect,
    /// Whether everything that was looked up before is looked up anew.
    pub update: bool,
    /// Whether the `test` lines run.
    pub test: bool,
    /// Whether steps that can still run do so after one has failed.
    pub keep_going: bool,
    /// Whether a check refuses what a declared environment cannot take: not where others look who know which of them
    /// shall.
    pub deployable: bool,
    /// How much one step may take.
    pub limits: StepLimits,
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

/// Builds and tests every service, puts files and checks into the store and names the release.
///
/// # Errors
/// All errors of the manifest, or the first failing service's last lines and the command to run by hand.
pub fn build(request: &Request<'_>) -> Result<Built, Vec<Diagnostic>> {
    let source = Source::find(request.manifest_file, request.of, request.cache, request.progress)?.read()?;
    let validated = validate(request, &source)?;
    let cache = Cache::open(request.cache, true).map_err(|error| vec![error])?;
    let worked = Work::new(request, &source, &validated, &cache, None).run();
    let built = all_built(worked, source.manifest.services.len())?;
    let bundle = bundle(&source, &validated, &built);
    Ok(Built { bundle, manifest: source.manifest })
}

/// The image of every service, whatever their checks say.
pub(crate) fn images(
    request: &Request<'_>,
    source: &Source,
    cache: &Cache,
) -> Result<BTreeMap<Name, Made>, Vec<Diagnostic>> {
    let nothing = crate::validate::Validated { checks: BTreeMap::new(), routes: BTreeMap::new() };
    let worked = Work::new(request, source, &nothing, cache, None).run();
    let built = all_built(worked, source.manifest.services.len())?;
    Ok(built.into_iter().map(|(name, built)| (name, built.made.clone())).collect())
}

/// What was built, if nothing failed and nothing is missing.
fn all_built(
    worked: Worked,
    services: usize,
) -> Result<BTreeMap<Name, std::sync::Arc<crate::service::ServiceBuilt>>, Vec<Diagnostic>> {
    let is_whole = worked.steps.iter().all(|step| step.report.outcome == StepOutcome::Passed);
    if let Some(failed) = worked.steps.into_iter().find(|step| !step.errors.is_empty()) {
        return Err(failed.errors);
    }
    if is_whole && worked.built.len() == services {
        return Ok(worked.built);
    }
    let error = Diagnostic::user("the build was stopped");
    Err(vec![error.help("what was built already is kept: the next build goes on from there")])
}
