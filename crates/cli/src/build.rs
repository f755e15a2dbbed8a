//! Building where the verb was typed, into the user's own store.

use crate::context::Context;
use crate::exit::Ended;
use crate::output::style;
use crate::terminal::asked_to_end;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::{ImageError, Source};
use seaworthy_model::release::{Checked, ReleaseBundle};
use seaworthy_model::{Digest, Name};
use seaworthy_pipeline::verify::Verified;
use seaworthy_pipeline::{Bases, BlobSink, Built, Event, NoBases, Request, SourceOf, Step, StepLimits, build, verify};
use seaworthy_store::blobs::Blobs;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How often old builds are looked for.
const COLLECT_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long a blob that no build uses stays.
const BUILD_AGE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// What to build, and how.
#[derive(Debug, Clone)]
pub(crate) struct What {
    /// Which state of the source.
    pub of: SourceOf,
    /// Run the tests of what is built.
    pub test: bool,
    /// Look every base up anew, whatever is locked.
    pub update: bool,
    /// Go on after something failed, with what does not need it.
    pub keep_going: bool,
    /// How much one step may take.
    pub limits: StepLimits,
}

impl What {
    /// The working tree or the commit of HEAD, tested, up to the first failure.
    pub(crate) fn new(commit: bool) -> Self {
        let of = if commit { SourceOf::head() } else { SourceOf::WorkingTree };
        Self { of, test: true, update: false, keep_going: false, limits: StepLimits::of_this_machine() }
    }
}

/// The user's own store of builds.
pub(crate) fn blobs() -> Result<Blobs, Ended> {
    let folder = builds_folder()?;
    Blobs::open(&folder).map_err(|e| Ended::failed(e.into()))
}

/// The folder of the user's own builds.
pub(crate) fn builds_folder() -> Result<PathBuf, Ended> {
    let home = seaworthy_node::place::user_home();
    let folder = home.join("builds");
    // A home that did not exist becomes the node's, too: the users of its services must be able to pass.
    let made = seaworthy_host::files::create_directory(&home, 0o711)
        .and_then(|()| seaworthy_host::files::create_directory(&folder, 0o700));
    made.map_err(|e| Ended::failed(e.into()))?;
    Ok(folder)
}

/// Tests and builds; shows what happens; stops at Ctrl-C.
pub(crate) async fn run(context: &Context, what: What) -> Result<Built, Ended> {
    // What is wrong with the file in front of the user comes first, whatever is committed.
    context.manifest()?;
    let tests = what.test;
    let mut built = with_request(context, what, build).await?.map_err(Ended::Failed)?;
    // What a check found in this very release before goes along with it. Tests are no part of a release: those that
    // failed then are put right, or this would not be here.
    built.bundle.tested = tests;
    let found = crate::checked::recall(&builds_folder()?, &built.bundle.release.digest());
    built.bundle.checked = if tests { found.map(Checked::without_failed_tests) } else { found };
    crate::checked::remember(&builds_folder()?, &built.bundle)?;
    keep(context, &built.bundle).await?;
    Ok(built)
}

/// Puts a release's images on the list of what was built, and removes what was on it for too long.
pub(crate) async fn keep(context: &Context, bundle: &ReleaseBundle) -> Result<(), Ended> {
    crate::images::remember(&builds_folder()?, &blobs()?, bundle)?;
    // The build stands whether or not old ones could be removed.
    if let Err(error) = remove_old(&builds_folder()?).await {
        context.output.warning(&error.to_string());
    }
    Ok(())
}

/// Once a day, removes from the user's own store what no build has used for long.
async fn remove_old(folder: &Path) -> Result<(), Diagnostic> {
    let stamp = folder.join("collected");
    let now = seaworthy_host::clock::now();
    let last = std::fs::metadata(&stamp).and_then(|metadata| metadata.modified()).ok();
    // A clock that went back makes the stamp one of the future: then it is time, too.
    if last.is_some_and(|last| now.duration_since(last).is_ok_and(|age| age < COLLECT_EVERY)) {
        return Ok(());
    }
    let blobs = Blobs::open(folder)?;
    let collecting = tokio::task::spawn_blocking(move || blobs.collect_old(BUILD_AGE_MAX));
    collecting.await.map_err(|e| Diagnostic::machine(e.to_string()))??;
    Ok(seaworthy_host::files::write_atomic(&stamp, b"", 0o600)?)
}

/// Builds everything twice, in two folders, and compares; stops at Ctrl-C.
pub(crate) async fn verify_twice(context: &Context, what: What) -> Result<BTreeMap<Name, Verified>, Ended> {
    context.manifest()?;
    with_request(context, what, verify).await?.map_err(Ended::Failed)
}

/// Does something that needs everything that a build needs, on a thread of its own; stops at Ctrl-C.
pub(crate) async fn with_request<T: Send + 'static>(
    context: &Context,
    what: What,
    work: impl FnOnce(&Request<'_>) -> T + Send + 'static,
) -> Result<T, Ended> {
    let manifest_file = context.manifest_file()?;
    let cancel = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&cancel);
    let output = context.output;
    let watching = tokio::spawn(async move {
        // Whatever ends this program ends the compilers that it started.
        if asked_to_end().await.is_ok() {
            stop.store(true, Ordering::Relaxed);
        }
    });
    let folder = builds_folder()?;
    let store = blobs()?;
    let handle = tokio::runtime::Handle::current();
    let building = tokio::task::spawn_blocking(move || {
        let sink = Sink(store);
        let tell = |event| crate::bases::show(output, &event);
        let maker = crate::bases::maker(&manifest_file, &folder, &sink, &sink.0, what.update, &tell);
        // Images are for Linux: elsewhere programs run as they are.
        let inspect = crate::inspect::Helper::new(handle, &folder.join("cache"));
        let bases: &dyn Bases = if cfg!(target_os = "linux") { &maker } else { &NoBases };
        work(&Request {
            manifest_file: &manifest_file,
            of: &what.of,
            cache: &folder.join("cache"),
            blobs: &sink,
            bases,
            inspect: &inspect,
            update: what.update,
            test: what.test,
            keep_going: what.keep_going,
            limits: what.limits,
            progress: &|event| {
                // Where everything is reported in the end, what was not done need not be told before.
                if !(what.keep_going && matches!(event, Event::Unchanged { .. })) {
                    show(output, &event);
                }
            },
            cancel: &cancel,
        })
    });
    let done = building.await.map_err(|e| Ended::failed(Diagnostic::machine(e.to_string())))?;
    watching.abort();
    Ok(done)
}

fn show(output: crate::output::Output, event: &Event) {
    let (good, dim) = (style::GOOD, style::DIM);
    let word = |step: &Step| match step {
        Step::Test => "test",
        Step::Build => "build",
        Step::Collect => "collect",
    };
    match event {
        Event::NotIsolated { why } => {
            let (warn, help) = (style::WARN, "what compilers make may hold paths of this machine");
            output.note(&format!("{warn}{:>9}{warn:#} {why}: {help}", "note"));
        }
        Event::ChangesLeftOut => {
            let (warn, what) =
                (style::WARN, "changes that no commit holds are left out; `check --working-tree` takes them");
            output.note(&format!("{warn}{:>9}{warn:#} {what}", "note"));
        }
        // A node limits a whole check itself.
        Event::NotLimited if std::env::var_os("SEAWORTHY_CONFINED").is_some() => {}
        Event::NotLimited => {
            let (warn, help) = (style::WARN, "memory and processes are not limited: control groups cannot be written");
            output.note(&format!("{warn}{:>9}{warn:#} {help}", "note"));
        }
        Event::Retried { service, attempt, attempts_max, why } => {
            let warn = style::WARN;
            output.note(&format!("{warn}{:>9}{warn:#} {service}: attempt {attempt} of {attempts_max}: {why}", "again"));
        }
        Event::Functional => output.note(&format!("{dim}{:>9}{dim:#} the release, on a node of its own", "checks")),
        Event::Unchanged { service } => output.note(&format!("{dim}unchanged{dim:#} {service}")),
        Event::Started { service, step: step @ (Step::Test | Step::Build) } => {
            output.note(&format!("{dim}{:>9}{dim:#} {service}", word(step)));
        }
        Event::Line { service, text, .. } => output.note(&format!("{dim}{service:>20} |{dim:#} {text}")),
        Event::Finished { service, step: step @ (Step::Test | Step::Build), took } => {
            output.note(&format!(
                "{good}{:>9}{good:#} {service} in {:.1} s",
                format!("{} ok", word(step)),
                took.as_secs_f64()
            ));
        }
        Event::Started { .. } | Event::Finished { .. } => {}
    }
}

struct Sink(Blobs);

impl Source for Sink {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError> {
        self.0.open(digest)
    }
}

impl BlobSink for Sink {
    fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, Diagnostic> {
        Ok(self.0.put_bytes(bytes)?)
    }

    fn put_written(
        &self,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), Diagnostic>,
    ) -> Result<Digest, Diagnostic> {
        self.0.put_written(write).map(|(digest, _)| digest)
    }

    fn contains(&self, digest: &Digest) -> bool {
        // Young again: what builds still use is not collected.
        self.0.renew(digest)
    }
}
