//! What checks found in releases that were built here, so that deploying one sends it along.

use crate::exit::Ended;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{create_directory, write_volatile};
use seaworthy_model::Digest;
use seaworthy_model::release::{Checked, ReleaseBundle};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many releases are remembered; the oldest go first.
const RELEASES_MAX: usize = 200;

/// Remembers what was found.
pub(crate) fn remember(builds: &Path, bundle: &ReleaseBundle) -> Result<(), Ended> {
    let Some(checked) = &bundle.checked else { return Ok(()) };
    let failed = |error: Diagnostic| Ended::failed(error);
    let bytes = serde_json::to_vec(checked).map_err(|error| failed(Diagnostic::machine(error.to_string())))?;
    let path = path(builds, &bundle.release.digest());
    let made = create_directory(&folder(builds), 0o700).and_then(|()| write_volatile(&path, &bytes, 0o600));
    made.map_err(|error| failed(error.into()))?;
    prune(&folder(builds));
    Ok(())
}

/// What was found in it when it was last checked. What cannot be read counts as never checked.
pub(crate) fn recall(builds: &Path, release: &Digest) -> Option<Checked> {
    serde_json::from_slice(&std::fs::read(path(builds, release)).ok()?).ok()
}

fn folder(builds: &Path) -> PathBuf {
    builds.join("checked")
}

fn path(builds: &Path, release: &Digest) -> PathBuf {
    folder(builds).join(format!("{}.json", release.hex()))
}

fn prune(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let age = |entry: &std::fs::DirEntry| entry.metadata().and_then(|metadata| metadata.modified());
    let mut files: Vec<(SystemTime, PathBuf)> =
        entries.flatten().filter_map(|entry| Some((age(&entry).ok()?, entry.path()))).collect();
    files.sort();
    for (_, file) in files.iter().take(files.len().saturating_sub(RELEASES_MAX)) {
        let _ = std::fs::remove_file(file);
    }
}
