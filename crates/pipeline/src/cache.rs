//! What earlier builds made, by the fingerprint of what they were made of. It may vanish at any time.

use crate::seams::BlobSink;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{create_directory, write_atomic};
use seaworthy_model::Digest;
use seaworthy_model::release::{FileEntry, FileTree};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many results are kept; the oldest go first.
const ENTRIES_MAX: usize = 500;

/// Results of builds, one file each.
pub(crate) struct Cache {
    folder: PathBuf,
}

/// A result.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// What the service's files were.
    pub(crate) tree: FileTree,
    /// Whether its tests passed then (or it has none).
    pub(crate) tested: bool,
}

impl Cache {
    /// The results that lie in a folder.
    pub(crate) fn open(folder: &Path) -> Result<Self, Diagnostic> {
        let folder = folder.join("results");
        create_directory(&folder, 0o700)?;
        Ok(Self { folder })
    }

    /// The result, if it is there and so is every blob of it. What cannot be read counts as not there.
    pub(crate) fn get(&self, key: &Digest, blobs: &dyn BlobSink) -> Option<Entry> {
        let bytes = std::fs::read(self.path(key)).ok()?;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        let mut digests = entry.tree.entries.values().filter_map(|entry| match entry {
            FileEntry::File { digest, .. } => Some(digest),
            FileEntry::Directory | FileEntry::Link { .. } => None,
        });
        digests.all(|digest| blobs.contains(digest)).then_some(entry)
    }

    /// Keeps a result.
    pub(crate) fn put(&self, key: &Digest, entry: &Entry) -> Result<(), Diagnostic> {
        let bytes = serde_json::to_vec(entry).map_err(|error| Diagnostic::machine(error.to_string()))?;
        write_atomic(&self.path(key), &bytes, 0o600)?;
        self.prune();
        Ok(())
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.folder.join(format!("{}.json", key.hex()))
    }

    fn prune(&self) {
        let Ok(entries) = std::fs::read_dir(&self.folder) else { return };
        let aged = |entry: std::fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
        let mut entries: Vec<(SystemTime, PathBuf)> = entries.flatten().filter_map(aged).collect();
        entries.sort();
        for (_, path) in entries.iter().take(entries.len().saturating_sub(ENTRIES_MAX)) {
            let _ = std::fs::remove_file(path);
        }
    }
}
