//! Locks that end with the processes that hold them.

use crate::files::FileError;
use std::fs::{File, OpenOptions, TryLockError};
use std::os::fd::OwnedFd;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// An exclusive `flock(2)` of a file. It belongs to the open file: a child that inherits the descriptor holds it too,
/// and it ends when the last one is closed, however that process ended.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock; `None` when somebody else has it. The file (mode 0600) is made if it is not there.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be opened or the file system has no locks.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>, FileError> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(FileError::new("lock", path, error)),
        }
    }

    /// Waits for the lock and takes it.
    ///
    /// # Errors
    /// [`FileError`] when the file cannot be opened or the file system has no locks.
    pub fn acquire(path: &Path) -> Result<Self, FileError> {
        let file = open(path)?;
        file.lock().map_err(|error| FileError::new("lock", path, error))?;
        Ok(Self { file })
    }

    /// The descriptor, to be handed to a child (for example as its standard output): the child holds the lock from
    /// then on.
    #[must_use]
    pub fn into_descriptor(self) -> OwnedFd {
        self.file.into()
    }
}

fn open(path: &Path) -> Result<File, FileError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    options.open(path).map_err(|error| FileError::new("open", path, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_holds_the_lock_that_it_inherited_until_it_ends() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("lock");
        let lock = Lock::try_acquire(&path).unwrap().unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        let mut command = crate::process::command("cat");
        command.env("PATH", "/usr/bin:/bin").stdin(std::process::Stdio::piped()).stdout(lock.into_descriptor());
        let mut child = command.spawn().unwrap();
        drop(command); // it holds the descriptor too
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }
}
