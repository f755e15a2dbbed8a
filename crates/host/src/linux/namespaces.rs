//! Which namespaces processes are in (namespaces(7)).

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;

/// A mount namespace that somebody else is in. While this is held its number means no other one.
#[derive(Debug)]
pub struct MountNamespace {
    number: u64,
    _held: File,
}

impl MountNamespace {
    /// That of a process.
    ///
    /// # Errors
    /// When the process is gone or another user's.
    pub fn of(pid: u32) -> io::Result<Self> {
        let held = File::open(path(pid))?;
        Ok(Self { number: held.metadata()?.ino(), _held: held })
    }

    /// Whether a process is in it.
    #[must_use]
    pub fn has(&self, pid: u32) -> bool {
        std::fs::metadata(path(pid)).is_ok_and(|metadata| metadata.ino() == self.number)
    }
}

fn path(pid: u32) -> String {
    format!("/proc/{pid}/ns/mnt")
}
