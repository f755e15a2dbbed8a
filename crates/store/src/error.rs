//! What can go wrong with the store, and what to do about it.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Digest;
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system said no.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, an infinitive.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// What came in is not what was announced.
    #[error("the blob that was sent as `{expected}` is `{actual}`")]
    WrongDigest {
        /// What was announced.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// More came in than may.
    #[error("the blob `{digest}` is larger than {limit_bytes} bytes")]
    TooLarge {
        /// What was announced.
        digest: Digest,
        /// The most that may come.
        limit_bytes: u64,
    },
    /// A blob that is not here.
    #[error("the blob `{0}` is not in this store")]
    MissingBlob(Digest),
}

impl StoreError {
    /// Wraps an error of the file system.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.to_owned(), source }
    }
}

impl From<StoreError> for Diagnostic {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::Io { source, path, .. } => {
                Self::machine(format!("{text}: {source}")).help(help_for_io(&source, &path))
            }
            StoreError::WrongDigest { .. } => {
                Self::machine(text).help("it was damaged on the way: send it again").later()
            }
            StoreError::TooLarge { .. } => Self::user(text).help("list fewer files in `files`"),
            StoreError::MissingBlob(_) => {
                Self::machine(text).help("deploy again from where it was built: what is missing is sent")
            }
        }
    }
}

/// What to do about an error of the file system.
fn help_for_io(error: &io::Error, path: &Path) -> String {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the disk with `{}` is full: free some space, then repeat the command", path.display())
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "the file system is read-only: mount it writable, or set SEAWORTHY_HOME to another folder".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            format!("give the user that runs Seaworthy access to `{}`, or set SEAWORTHY_HOME", path.display())
        }
        _ => format!("look at what is at `{}`", path.display()),
    }
}
