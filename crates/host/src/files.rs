//! Files that are either whole or not there, and errors that say what to do.

use nix::errno::Errno;
use seaworthy_diagnostics::Diagnostic;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What could not be done with which path.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// ENOSPC or EDQUOT.
    #[error("cannot {action} `{path}`: no space left")]
    Full {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// EROFS.
    #[error("cannot {action} `{path}`: the file system is read-only")]
    ReadOnly {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// EACCES or EPERM.
    #[error("cannot {action} `{path}`: permission denied")]
    Denied {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Anything else; the source says what.
    #[error("cannot {action} `{path}`")]
    Failed {
        /// What was tried, as a verb.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl FileError {
    /// Sorts an error of the system.
    #[must_use]
    pub fn new(action: &'static str, path: &Path, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.raw_os_error().map(Errno::from_raw) {
            Some(Errno::ENOSPC | Errno::EDQUOT) => Self::Full { action, path, source },
            Some(Errno::EROFS) => Self::ReadOnly { action, path, source },
            Some(Errno::EACCES | Errno::EPERM) => Self::Denied { action, path, source },
            _ => Self::Failed { action, path, source },
        }
    }

    /// What the system said.
    #[must_use]
    pub fn io(&self) -> &io::Error {
        let (Self::Full { source, .. }
        | Self::ReadOnly { source, .. }
        | Self::Denied { source, .. }
        | Self::Failed { source, .. }) = self;
        source
    }

    /// Whether the file was not there.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.io().kind() == io::ErrorKind::NotFound
    }

    /// The next thing to do.
    #[must_use]
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Full { path, .. } => {
                Some(format!("free some space (`df -h {}` shows how much there is)", path.display()))
            }
            Self::ReadOnly { path, .. } => {
                Some(format!("mount it writable, or set SEAWORTHY_HOME to another place than `{}`", path.display()))
            }
            Self::Denied { path, .. } => {
                Some(format!("`ls -ld {}` shows who may; run as that user, or change its owner", path.display()))
            }
            Self::Failed { .. } => None,
        }
    }
}

impl From<FileError> for Diagnostic {
    fn from(error: FileError) -> Self {
        let message = match &error {
            FileError::Failed { source, .. } => format!("{error}: {source}"),
            _ => error.to_string(),
        };
        let diagnostic = Self::machine(message);
        match error.help() {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        }
    }
}

/// Replaces a file by these bytes: after a crash there is the old one or the new one, never half of one.
///
/// # Errors
/// [`FileError`]; the old file is untouched then.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    replace(path, bytes, mode, true)?;
    sync_directory(path.parent().unwrap_or(Path::new(".")))
}

/// Replaces a file by these bytes, for what means nothing after the machine has been started again: whoever reads it
/// finds the old one or the new one, but neither need be on the disk.
///
/// # Errors
/// [`FileError`]; the old file is untouched then.
pub fn write_volatile(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FileError> {
    replace(path, bytes, mode, false)
}

fn replace(path: &Path, bytes: &[u8], mode: u32, sync: bool) -> Result<(), FileError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let fail = |source| FileError::new("write", path, source);
    let name = path.file_name().ok_or_else(|| fail(io::ErrorKind::InvalidInput.into()))?;
    let mut temporary_name = std::ffi::OsString::from(".");
    temporary_name.push(name);
    temporary_name.push(format!(".{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    let temporary = path.with_file_name(temporary_name);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&temporary)?;
        file.set_permissions(Permissions::from_mode(mode))?; // whatever the umask is
        file.write_all(bytes)?;
        if sync {
            file.sync_all()?;
        }
        fs::rename(&temporary, path)
    };
    write().map_err(|source| {
        let _ = fs::remove_file(&temporary);
        fail(source)
    })
}

/// Makes the entries of a directory last through a crash.
///
/// # Errors
/// [`FileError`] when it cannot be opened or synchronised.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|d| d.sync_all()).map_err(|source| FileError::new("synchronise", path, source))
}

/// Makes a directory with exactly this mode, and the missing ones above it with the same. One that is there keeps its
/// mode.
///
/// # Errors
/// [`FileError`] when it cannot be made, or something else than a directory is there.
pub fn create_directory(path: &Path, mode: u32) -> Result<(), FileError> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        create_directory(parent, mode)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => set_mode(path, mode), // whatever the umask is
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(FileError::new("create", path, error)),
    }
}

/// Sets the permission bits.
///
/// # Errors
/// [`FileError`].
pub fn set_mode(path: &Path, mode: u32) -> Result<(), FileError> {
    fs::set_permissions(path, Permissions::from_mode(mode)).map_err(|e| FileError::new("change the mode of", path, e))
}

/// Gives a file to a user and a group; a symbolic link itself, not what it points to.
///
/// # Errors
/// [`FileError`].
pub fn change_owner(path: &Path, uid: u32, gid: u32) -> Result<(), FileError> {
    std::os::unix::fs::lchown(path, Some(uid), Some(gid)).map_err(|e| FileError::new("change the owner of", path, e))
}

/// Removes a directory with all that is in it, or a file; nothing there is no error.
///
/// # Errors
/// [`FileError`].
pub fn remove_tree(path: &Path) -> Result<(), FileError> {
    let removed = match fs::symlink_metadata(path) {
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new("remove", path, error)),
        _ => Ok(()),
    }
}

/// Reads a whole file.
///
/// # Errors
/// [`FileError`].
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|e| FileError::new("read", path, e))
}

/// Reads a file; `None` when it is not there.
///
/// # Errors
/// [`FileError`] for any other reason.
pub fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a file begins with these bytes; a file that is shorter does not.
///
/// # Errors
/// When it cannot be read.
pub fn starts_with(path: &Path, beginning: &[u8]) -> Result<bool, FileError> {
    let wrong = |error| FileError::new("read", path, error);
    let mut bytes = Vec::with_capacity(beginning.len());
    let file = fs::File::open(path).map_err(wrong)?;
    file.take(beginning.len() as u64).read_to_end(&mut bytes).map_err(wrong)?;
    Ok(bytes == beginning)
}

/// Bytes that this user may still write on the disk that holds a path.
///
/// # Errors
/// [`FileError`] when the path is not there.
#[allow(clippy::useless_conversion, reason = "the numbers are narrower on other systems")]
pub fn free_bytes(path: &Path) -> Result<u64, FileError> {
    let statistics = nix::sys::statvfs::statvfs(path)
        .map_err(|errno| FileError::new("look at the disk of", path, io::Error::from(errno)))?;
    // The widths differ between systems.
    #[allow(clippy::useless_conversion)]
    let (blocks, size) = (u64::from(statistics.blocks_available()), u64::from(statistics.fragment_size()));
    Ok(blocks * size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("table.json");
        write_atomic(&path, b"old", 0o600).unwrap();
        write_atomic(&path, b"new", 0o644).unwrap();
        assert_eq!(read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_names_the_path() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("missing/table.json");
        let error = write_atomic(&path, b"new", 0o600).unwrap_err();
        assert!(error.to_string().contains("missing/table.json"), "{error}");
        assert!(error.is_not_found());
    }

    #[test]
    fn a_full_disk_says_what_to_do() {
        let error = FileError::new("write", Path::new("/data/x"), io::Error::from_raw_os_error(Errno::ENOSPC as i32));
        let diagnostic = Diagnostic::from(error);
        assert_eq!(diagnostic.message, "cannot write `/data/x`: no space left");
        assert!(diagnostic.help.unwrap().contains("df -h"));
    }

    #[test]
    fn directories_get_the_mode_whatever_the_umask_and_trees_go_away_twice() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        create_directory(&path, 0o711).unwrap();
        create_directory(&path, 0o711).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o711);
        remove_tree(&directory.path().join("a")).unwrap();
        remove_tree(&directory.path().join("a")).unwrap();
    }
}
