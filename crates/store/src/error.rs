//! What can go wrong with the store, and what to do about it.

use rusqlite::ErrorCode;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_model::deployment::Actor;
use seaworthy_model::{Digest, Name};
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
    /// The database said no.
    #[error("cannot {action} `{}`", path.display())]
    Database {
        /// What was tried, an infinitive.
        action: &'static str,
        /// The database.
        path: PathBuf,
        /// Why not.
        source: rusqlite::Error,
    },
    /// A statement failed; becomes [`StoreError::Database`] with the path on its way out.
    #[error("the database refused a statement")]
    Statement(#[from] rusqlite::Error),
    /// A newer program has written the database.
    #[error("`{}` has schema {found}, this program knows up to {known}", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its schema's version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// A document in the database that is not what it should be.
    #[error("the store's {what} cannot be read")]
    Damaged {
        /// What kind of document.
        what: &'static str,
        /// Why not.
        source: serde_json::Error,
    },
    /// An image that is not what it should be.
    #[error("an image in the store cannot be read")]
    Image(#[source] seaworthy_image::ImageError),
    /// The app's name is bound to another source.
    #[error("the app `{app}` on this node comes from `{owner}`, not from `{source_wanted}`")]
    OtherSource {
        /// The app.
        app: Name,
        /// What it is bound to.
        owner: String,
        /// What wanted it.
        source_wanted: String,
    },
    /// A host and path that another environment has.
    #[error("`{host}{path}` already belongs to `{owner_app}` in `{owner_environment}`")]
    RouteTaken {
        /// The host.
        host: String,
        /// The path.
        path: String,
        /// Its owner's app.
        owner_app: Name,
        /// Its owner's environment.
        owner_environment: Name,
    },
    /// Somebody else is deploying.
    #[error("`{}` has been deploying to `{environment}` since {started_at} (deployment {deployment})", actor.user)]
    UnderWay {
        /// The deployment under way.
        deployment: u64,
        /// The environment.
        environment: Name,
        /// Who.
        actor: Box<Actor>,
        /// Since when, RFC 3339.
        started_at: String,
    },
    /// A number that names nothing.
    #[error("there is no {what} `{id}`")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// What was asked for.
        id: String,
    },
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
                Self::machine(format!("{text}: {source}")).help(help_for_io(source.kind(), &path))
            }
            StoreError::Database { source, path, .. } => database_diagnostic(&text, &source, &path),
            StoreError::Statement(source) => database_diagnostic(&text, &source, Path::new("store.db")),
            StoreError::WrongDigest { .. } => {
                Self::machine(text).help("it was damaged on the way: send it again").later()
            }
            StoreError::TooLarge { .. } => Self::user(text).help("list fewer files in `files`"),
            StoreError::MissingBlob(_) => {
                Self::machine(text).help("deploy again from where it was built: what is missing is sent")
            }
            StoreError::Newer { .. } => {
                Self::user(text).help("install the newer Seaworthy again, or set SEAWORTHY_HOME to another folder")
            }
            StoreError::Damaged { source, .. } => Self::new(Fault::Seaworthy, format!("{text}: {source}"))
                .help("a backup of the store, or another SEAWORTHY_HOME, gets you going again"),
            StoreError::Image(source) => Self::machine(format!("{text}: {source}"))
                .help("deploy again from where it was built: what is missing is sent"),
            StoreError::OtherSource { .. } => Self::user(text)
                .help("give your app another name, or, if its sources have moved, repeat with `--take-over`"),
            StoreError::RouteTaken { .. } => Self::user(text).help("choose another `host` or `path` for the route"),
            StoreError::UnderWay { environment, .. } => Self::user(text)
                .help(format!("wait for it: `seaworthy status {environment} --follow` shows when it is done"))
                .later(),
            StoreError::Unknown { .. } => Self::user(text).help("`seaworthy history` shows what there is"),
        }
    }
}

fn database_diagnostic(text: &str, source: &rusqlite::Error, path: &Path) -> Diagnostic {
    let diagnostic = Diagnostic::machine(format!("{text}: {source}"));
    match source.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => diagnostic.help(help_for_io(io::ErrorKind::StorageFull, path)),
        Some(ErrorCode::ReadOnly) => diagnostic.help(help_for_io(io::ErrorKind::ReadOnlyFilesystem, path)),
        Some(ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
            diagnostic.help(help_for_io(io::ErrorKind::PermissionDenied, path))
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            diagnostic.help("another process is writing to it: repeat the command").later()
        }
        Some(ErrorCode::SystemIoFailure) => diagnostic.help("the disk may be full or failing: see `dmesg` and `df`"),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            diagnostic.help("restore the file from a backup, or set SEAWORTHY_HOME to another folder")
        }
        _ => diagnostic.help(format!("look at what is at `{}`", path.display())),
    }
}

/// What to do about an error of the file system.
fn help_for_io(error: io::ErrorKind, path: &Path) -> String {
    match error {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            format!("the disk with `{}` is full: free some space, then repeat the command", path.display())
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            "it cannot be written: mount the file system writable, or set SEAWORTHY_HOME to another folder".to_owned()
        }
        io::ErrorKind::PermissionDenied => {
            format!("give the user that runs Seaworthy access to `{}`, or set SEAWORTHY_HOME", path.display())
        }
        _ => format!("look at what is at `{}`", path.display()),
    }
}
