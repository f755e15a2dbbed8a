//! Building a release.

use crate::cache::Cache;
use crate::checks::Checked;
use crate::image::Made;
use crate::isolation::Isolation;
use crate::progress::Event;
use crate::seams::{Bases, BlobSink, Inspect};
use crate::service::{ServiceBuild, Stopped};
use crate::source::Source;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::manifest::Manifest;
use seaworthy_model::release::{Check, RELEASE_FORMAT, Release, ReleaseBundle, RouteSpec, ServiceRelease};
use seaworthy_model::service::Service;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
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
    /// Who makes what services are put on top of.
    pub bases: &'a dyn Bases,
    /// Who knows what checks do.
    pub inspect: &'a dyn Inspect,
    /// Whether everything that was looked up before is looked up anew.
    pub update: bool,
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
    let one = |error: Diagnostic| vec![error];
    let source = Source::open(request.manifest_file, request.commit, request.cache)?;
    let manifest = &source.manifest;
    let cache = Cache::open(request.cache, true).map_err(one)?;
    // Checks cost little: what is wrong with them is told before anything is built.
    let mut checks = service_checks(request, &source)?;
    let routes = routes(request, &source)?;
    let images = images(request, &source, &cache).map_err(one)?;
    let services = manifest.services.iter().map(|(name, service)| {
        let (checks, made) = (checks.remove(name).unwrap_or_default(), &images[name]);
        let service = Service { run: made.run.clone(), ..service.service.clone() };
        let (image, origin) = (made.image.clone(), made.origin.clone());
        (name.clone(), ServiceRelease { image, service, checks, origin })
    });
    let release = Release { format: RELEASE_FORMAT, app: manifest.app.clone(), services: services.collect(), routes };
    let environments = manifest.environments.clone();
    let attachments = images.into_iter().map(|(name, made)| (name, made.attachments)).collect();
    let bundle = ReleaseBundle { release, environments, provenance: source.provenance.clone(), attachments };
    Ok(Built { bundle, manifest: source.manifest })
}

fn service_checks(request: &Request<'_>, source: &Source) -> Result<BTreeMap<Name, Vec<Check>>, Vec<Diagnostic>> {
    let mut all = BTreeMap::new();
    for (name, service) in &source.manifest.services {
        let checked = Checked { of: format!("service `{name}`"), path: &service.path, sources: &service.checks };
        if !service.checks.is_empty() {
            all.insert(name.clone(), checks(request, source, &checked)?);
        }
    }
    Ok(all)
}

fn routes(request: &Request<'_>, source: &Source) -> Result<BTreeMap<Name, RouteSpec>, Vec<Diagnostic>> {
    let mut routes = BTreeMap::new();
    for (name, route) in &source.manifest.routes {
        let checked = Checked { of: format!("route `{name}`"), path: ".", sources: &route.checks };
        let checks = if route.checks.is_empty() { Vec::new() } else { checks(request, source, &checked)? };
        routes.insert(name.clone(), RouteSpec { checks, ..route.route.clone() });
    }
    Ok(routes)
}

fn checks(request: &Request<'_>, source: &Source, checked: &Checked<'_>) -> Result<Vec<Check>, Vec<Diagnostic>> {
    crate::checks::collect(&source.folder, checked, request.blobs, request.inspect).map_err(|mut errors| {
        // Messages name files as the user knows them, not as they lie in a checkout.
        for place in errors.iter_mut().filter_map(|error| error.place.as_mut()) {
            if let Ok(relative) = Path::new(&place.file).strip_prefix(&source.folder) {
                place.file = relative.display().to_string();
            }
        }
        errors
    })
}

/// The image of every service: built in parallel, as many at a time as there are cores, until one fails.
pub(crate) fn images(
    request: &Request<'_>,
    source: &Source,
    cache: &Cache,
) -> Result<BTreeMap<Name, Made>, Diagnostic> {
    let isolation = Isolation::new(&source.manifest.app, &source.scope);
    let has_lines = source.manifest.services.values().any(|service| !service.build.is_empty());
    if let Some(why) = isolation.why_not.clone().filter(|_| has_lines) {
        (request.progress)(Event::NotIsolated { why });
    }
    let stop = AtomicBool::new(false);
    let waiting = Mutex::new(source.manifest.services.iter());
    let (sender, results) = channel();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    std::thread::scope(|scope| {
        for _ in 0..cores.min(source.manifest.services.len()) {
            let (sender, isolation, stop, waiting) = (sender.clone(), &isolation, &stop, &waiting);
            scope.spawn(move || {
                let next = || waiting.lock().ok()?.next();
                while let Some((name, service)) = next() {
                    if stop.load(Ordering::Relaxed) || request.cancel.load(Ordering::Relaxed) {
                        return;
                    }
                    let result = ServiceBuild { request, source, cache, isolation, stop, name, service }.run();
                    stop.fetch_or(result.is_err(), Ordering::Relaxed);
                    let _ = sender.send((name.clone(), result));
                }
            });
        }
    });
    drop(sender);
    let mut images = BTreeMap::new();
    for (name, result) in results {
        match result {
            Ok(made) => drop(images.insert(name, made)),
            Err(Stopped::Failed(error)) => return Err(error),
            Err(Stopped::Cancelled) => {}
        }
    }
    if images.len() == source.manifest.services.len() {
        return Ok(images);
    }
    Err(Diagnostic::user("the build was stopped")
        .help("what was built already is kept: the next build goes on from there"))
}
