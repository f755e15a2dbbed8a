//! What earlier builds made, by the fingerprint of what they were made of. It may vanish at any time.

use crate::report::Record;
use crate::seams::{BaseLayer, BlobSink};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::{create_directory, write_atomic};
use seaworthy_image::oci::LayerDescriptor;
use seaworthy_image::sbom::Package;
use seaworthy_model::Digest;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many results are kept, and how many versions of toolchains; the oldest go first.
const ENTRIES_MAX: usize = 500;

/// Results of builds, one file each.
pub(crate) struct Cache {
    folder: PathBuf,
    toolchains: PathBuf,
    steps: PathBuf,
    /// False: nothing is found, and nothing is kept.
    used: bool,
}

/// A result.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Entry {
    /// The layers that the service's files are put on top of.
    pub(crate) base: Vec<BaseLayer>,
    /// Variables that the programs of those layers expect.
    #[serde(default)]
    pub(crate) environment: Vec<String>,
    /// The layer of its files.
    pub(crate) files: LayerDescriptor,
    /// What base and lockfiles name.
    pub(crate) packages: BTreeSet<Package>,
    /// How it was built.
    pub(crate) built: Record,
    /// How its tests passed; `None`: nobody ran them, or it has none.
    pub(crate) tested: Option<Record>,
}

/// An image that another tool built.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Whole {
    /// Its manifest.
    pub(crate) image: Digest,
    /// What its manifest names.
    pub(crate) blobs: Vec<Digest>,
    /// What its layers hold.
    pub(crate) packages: BTreeSet<Package>,
    /// What the tool said of its version, by its name.
    pub(crate) tool: BTreeMap<String, String>,
    /// How it was built.
    pub(crate) built: Record,
    /// How the service's tests passed; `None`: nobody ran them, or it has none.
    pub(crate) tested: Option<Record>,
}

impl Cache {
    /// The results that lie in a folder; with `used` false as if there were none.
    pub(crate) fn open(folder: &Path, used: bool) -> Result<Self, Diagnostic> {
        let (folder, toolchains, steps) = (folder.join("results"), folder.join("toolchains"), folder.join("steps"));
        for folder in [&folder, &toolchains, &steps] {
            create_directory(folder, 0o700)?;
        }
        Ok(Self { folder, toolchains, steps, used })
    }

    /// The result, if it is there and so is every layer of it. What cannot be read counts as not there.
    pub(crate) fn get(&self, key: &Digest, blobs: &dyn BlobSink) -> Option<Entry> {
        let entry: Entry = self.read(&self.path(key))?;
        let there = |layer: &LayerDescriptor| blobs.contains(&layer.digest);
        (there(&entry.files) && entry.base.iter().all(|base| there(&base.layer))).then_some(entry)
    }

    /// Keeps a result.
    pub(crate) fn put(&self, key: &Digest, entry: &Entry) -> Result<(), Diagnostic> {
        self.write(&self.path(key), entry)
    }

    /// The image that another tool built, if it is there whole.
    pub(crate) fn whole(&self, key: &Digest, blobs: &dyn BlobSink) -> Option<Whole> {
        let whole: Whole = self.read(&self.whole_path(key))?;
        let is_there = whole.blobs.iter().chain([&whole.image]).all(|blob| blobs.contains(blob));
        is_there.then_some(whole)
    }

    /// Keeps what another tool built.
    pub(crate) fn put_whole(&self, key: &Digest, whole: &Whole) -> Result<(), Diagnostic> {
        self.write(&self.whole_path(key), whole)
    }

    fn read<T: DeserializeOwned>(&self, path: &Path) -> Option<T> {
        let bytes = self.used.then(|| std::fs::read(path).ok())??;
        serde_json::from_slice(&bytes).ok()
    }

    fn write(&self, path: &Path, result: &impl Serialize) -> Result<(), Diagnostic> {
        if self.used {
            let bytes = serde_json::to_vec(result).map_err(|error| Diagnostic::machine(error.to_string()))?;
            write_atomic(path, &bytes, 0o600)?;
            prune(&self.folder);
        }
        Ok(())
    }

    /// What a toolchain said of itself, by everything that decides it.
    pub(crate) fn toolchain(&self, key: &Digest) -> Option<String> {
        String::from_utf8(std::fs::read(self.toolchains.join(key.hex())).ok()?).ok()
    }

    /// Keeps what a toolchain said of itself.
    pub(crate) fn keep_toolchain(&self, key: &Digest, version: &str) -> Result<(), Diagnostic> {
        write_atomic(&self.toolchains.join(key.hex()), version.as_bytes(), 0o600)?;
        prune(&self.toolchains);
        Ok(())
    }

    /// How a step without a result of its own has passed, with everything as its key says.
    pub(crate) fn passed(&self, key: &Digest) -> Option<Record> {
        let bytes = self.used.then(|| std::fs::read(self.steps.join(key.hex())).ok())??;
        serde_json::from_slice(&bytes).ok()
    }

    /// Keeps that it has.
    pub(crate) fn keep_passed(&self, key: &Digest, record: &Record) -> Result<(), Diagnostic> {
        if self.used {
            let bytes = serde_json::to_vec(record).map_err(|error| Diagnostic::machine(error.to_string()))?;
            write_atomic(&self.steps.join(key.hex()), &bytes, 0o600)?;
            prune(&self.steps);
        }
        Ok(())
    }

    fn whole_path(&self, key: &Digest) -> PathBuf {
        self.folder.join(format!("{}.whole.json", key.hex()))
    }

    fn path(&self, key: &Digest) -> PathBuf {
        self.folder.join(format!("{}.json", key.hex()))
    }
}

fn prune(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let aged = |entry: std::fs::DirEntry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()));
    let mut entries: Vec<(SystemTime, PathBuf)> = entries.flatten().filter_map(aged).collect();
    entries.sort();
    for (_, path) in entries.iter().take(entries.len().saturating_sub(ENTRIES_MAX)) {
        let _ = std::fs::remove_file(path);
    }
}
