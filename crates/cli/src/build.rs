//! Building where the verb was typed, into the user's own store.

use crate::context::Context;
use crate::exit::Ended;
use crate::output::style;
use seaworthy_checks::Runner;
use seaworthy_checks::wire::CheckFile;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_image::{ImageError, Source};
use seaworthy_model::{Digest, Name};
use seaworthy_pipeline::verify::Verified;
use seaworthy_pipeline::{Bases, BlobSink, Built, Event, Inspect, NoBases, Request, Step, build, verify};
use seaworthy_store::blobs::Blobs;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long one service's tests, or its build, may take.
const STEP_TIME_MAX: Duration = Duration::from_secs(3600);

/// How often old builds are looked for.
const COLLECT_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How long a blob that no build uses stays.
const BUILD_AGE_MAX: Duration = Duration::from_secs(30 * 24 * 3600);

/// What to build.
#[derive(Debug, Clone, Copy)]
pub(crate) struct What {
    /// The commit of HEAD instead of the working tree.
    pub commit: bool,
    /// Run the tests of what is built.
    pub test: bool,
    /// Look every base up anew, whatever is locked.
    pub update: bool,
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
    let built = with_request(context, what, build).await?;
    crate::images::remember(&builds_folder()?, &blobs()?, &built)?;
    // The build stands whether or not old ones could be removed.
    if let Err(error) = remove_old(&builds_folder()?).await {
        context.output.warning(&error.to_string());
    }
    Ok(built)
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
    with_request(context, what, verify).await
}

/// Does something that needs everything that a build needs, on a thread of its own.
async fn with_request<T: Send + 'static>(
    context: &Context,
    what: What,
    work: impl FnOnce(&Request<'_>) -> Result<T, Vec<Diagnostic>> + Send + 'static,
) -> Result<T, Ended> {
    let manifest_file = context.manifest_file()?;
    // What is wrong with the file in front of the user comes first, whatever is committed.
    context.manifest()?;
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
        let bases: &dyn Bases = if cfg!(target_os = "linux") { &maker } else { &NoBases };
        work(&Request {
            manifest_file: &manifest_file,
            commit: what.commit,
            cache: &folder.join("cache"),
            blobs: &sink,
            bases,
            inspect: &Helper(handle),
            update: what.update,
            test: what.test,
            time_max: STEP_TIME_MAX,
            progress: &|event| show(output, &event),
            cancel: &cancel,
        })
    });
    let done = building.await.map_err(|e| Ended::failed(Diagnostic::machine(e.to_string())))?;
    watching.abort();
    done.map_err(Ended::Failed)
}

async fn asked_to_end() -> std::io::Result<()> {
    let (mut terminate, mut hang_up) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed,
        _ = terminate.recv() => Ok(()),
        _ = hang_up.recv() => Ok(()),
    }
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

/// Asks the check helper what each Hurl file does.
struct Helper(tokio::runtime::Handle);

impl Inspect for Helper {
    fn methods(&self, files: &[PathBuf]) -> Result<Vec<Vec<String>>, Vec<Diagnostic>> {
        if files.is_empty() {
            return Ok(Vec::new());
        }
        let runner = Runner::locate().map_err(|e| vec![e.to_diagnostic()])?;
        let read = |path: &PathBuf| -> Result<CheckFile, Vec<Diagnostic>> {
            let bytes = seaworthy_host::files::read(path).map_err(|e| vec![Diagnostic::user(e.to_string())])?;
            let name = path.display().to_string();
            let text =
                String::from_utf8(bytes).map_err(|_| vec![Diagnostic::user(format!("`{name}` is not UTF-8"))])?;
            Ok(CheckFile { name, text, ..CheckFile::default() })
        };
        let files = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let texts: Vec<String> = files.iter().map(|file| file.text.clone()).collect();
        let inspected = self.0.block_on(runner.inspect(files)).map_err(|e| vec![e.to_diagnostic()])?;
        let wrong: Vec<Diagnostic> =
            inspected.iter().zip(&texts).flat_map(|(file, text)| file.diagnostics(text)).collect();
        if wrong.is_empty() { Ok(inspected.into_iter().map(|file| file.methods).collect()) } else { Err(wrong) }
    }
}
