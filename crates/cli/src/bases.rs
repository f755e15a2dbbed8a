//! What images stand on: where bases are kept, and what is said while one is made.

use crate::output::{Output, style};
use seaworthy_bases::{BaseEvent, BaseMaker, Places};
use seaworthy_host::clock;
use seaworthy_pipeline::BlobSink;
use seaworthy_store::Blobs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The maker of bases for the app of a manifest.
pub(crate) fn maker<'a>(
    manifest_file: &Path,
    builds: &Path,
    blobs: &'a dyn BlobSink,
    store: &'a Blobs,
    update: bool,
    tell: &'a (dyn Fn(BaseEvent) + Sync),
) -> BaseMaker<'a> {
    let folder = manifest_file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let manifest_folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let places = Places { manifest_folder, downloads: downloads(builds), cache: builds.join("cache") };
    BaseMaker::new(places, blobs, store, update, clock::now(), tell)
}

/// What is fetched is the same for every home of a user: `$XDG_CACHE_HOME/seaworthy`, else `~/.cache/seaworthy`.
fn downloads(builds: &Path) -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    cache.filter(|path| path.is_absolute()).map_or_else(|| builds.join("downloads"), |path| path.join("seaworthy"))
}

/// Whether git leaves a file out of commits on purpose; false where there is no git, or no repository.
pub(crate) fn is_ignored(file: &Path) -> bool {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let Some(name) = file.file_name() else { return false };
    let mut command = seaworthy_host::process::command("git");
    command.arg("-C").arg(folder).args(["check-ignore", "--quiet", "--"]).arg(name).envs(std::env::vars_os());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// For a person who waits.
pub(crate) fn show(output: Output, event: &BaseEvent) {
    let (dim, warn) = (style::DIM, style::WARN);
    output.note(&match event {
        BaseEvent::Resolving { what } => format!("{dim}     base{dim:#} looking up {}", what.join(", ")),
        BaseEvent::Pulling { image } => format!("{dim}     base{dim:#} pulling {image}"),
        // Nobody finds the file in a node's checkout.
        BaseEvent::Locked { .. } if std::env::var_os("SEAWORTHY_CONFINED").is_some() => {
            format!("{dim}     base{dim:#} locked for this build: the commit has no `seaworthy.lock` that names it")
        }
        BaseEvent::Locked { file } => {
            let what = if is_ignored(file) { "git ignores it, so it stays on this machine" } else { "commit it" };
            format!("{dim}     base{dim:#} locked in {}: {what}", file.display())
        }
        BaseEvent::Making { what } => format!("{dim}     base{dim:#} {what}"),
        BaseEvent::Notice(text) => format!("{warn}     note{warn:#} {text}"),
    });
}
