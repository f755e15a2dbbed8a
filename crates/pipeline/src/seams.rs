//! What the caller lends to a build.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Digest;
use std::path::{Path, PathBuf};

/// Where content goes: the store of the user who builds.
pub trait BlobSink: Sync {
    /// Keeps some bytes.
    ///
    /// # Errors
    /// When they cannot be kept.
    fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, Diagnostic>;

    /// Keeps a file's content, which may be large.
    ///
    /// # Errors
    /// When it cannot be read or kept.
    fn put_file(&self, path: &Path) -> Result<Digest, Diagnostic>;

    /// Whether this content is there already.
    fn contains(&self, digest: &Digest) -> bool;
}

/// Who knows what a Hurl file does.
pub trait Inspect: Sync {
    /// The HTTP methods that each file uses, in upper case, sorted, in the order of the files.
    ///
    /// # Errors
    /// When a file is no valid Hurl file: all of the errors.
    fn methods(&self, files: &[PathBuf]) -> Result<Vec<Vec<String>>, Vec<Diagnostic>>;
}
