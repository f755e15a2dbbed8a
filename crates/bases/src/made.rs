//! What was made before, by what it was made from.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_model::Digest;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// One file for each result; what it names is in the store.
pub(crate) struct Made {
    folder: PathBuf,
}

impl Made {
    pub(crate) fn new(cache: &Path) -> Self {
        Self { folder: cache.join("bases") }
    }

    /// What was made from this. What cannot be read counts as not there; whether the store still has it is for the
    /// caller to ask.
    pub(crate) fn get<T: DeserializeOwned>(&self, from: &Digest) -> Option<T> {
        serde_json::from_slice(&files::read(&self.path(from)).ok()?).ok()
    }

    pub(crate) fn put(&mut self, from: &Digest, made: &impl Serialize) -> Result<(), Diagnostic> {
        files::create_directory(&self.folder, 0o700)?;
        let bytes = serde_json::to_vec(made).map_err(|error| Diagnostic::machine(error.to_string()))?;
        Ok(files::write_atomic(&self.path(from), &bytes, 0o600)?)
    }

    fn path(&self, from: &Digest) -> PathBuf {
        self.folder.join(format!("{}.json", from.hex()))
    }
}
