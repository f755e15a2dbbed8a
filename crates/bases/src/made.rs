//! Layers that were made before, by what they were made from.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_model::Digest;
use seaworthy_pipeline::{BaseLayer, BlobSink};
use std::path::{Path, PathBuf};

/// One file for each layer; the layers themselves are in the store.
pub(crate) struct Made {
    folder: PathBuf,
}

impl Made {
    pub(crate) fn new(cache: &Path) -> Self {
        Self { folder: cache.join("bases") }
    }

    /// The layer that was made from this, if the store still has it. What cannot be read counts as not there.
    pub(crate) fn get(&self, from: &Digest, blobs: &dyn BlobSink) -> Option<BaseLayer> {
        let bytes = files::read(&self.path(from)).ok()?;
        let layer: BaseLayer = serde_json::from_slice(&bytes).ok()?;
        blobs.contains(&layer.layer.digest).then_some(layer)
    }

    pub(crate) fn put(&mut self, from: &Digest, layer: &BaseLayer) -> Result<(), Diagnostic> {
        files::create_directory(&self.folder, 0o700)?;
        let bytes = serde_json::to_vec(layer).map_err(|error| Diagnostic::machine(error.to_string()))?;
        Ok(files::write_atomic(&self.path(from), &bytes, 0o600)?)
    }

    fn path(&self, from: &Digest) -> PathBuf {
        self.folder.join(format!("{}.json", from.hex()))
    }
}
