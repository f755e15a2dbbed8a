//! What a job takes of a disk.

use crate::job::Disk;
use crate::output::End;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// How many files are counted when a folder is measured.
const FILES_MAX: usize = 2_000_000;
/// In which pieces files are counted (stat(3type)).
const BLOCK_BYTES: u64 = 512;

/// What is wrong, if anything is.
pub(crate) fn look(disk: &Disk) -> Option<End> {
    let size = size_bytes(&disk.folder);
    match () {
        () if size > disk.bytes_max => Some(End::TooLarge),
        () if is_full(disk) => Some(End::DiskFull),
        () => None,
    }
}

/// Whether too little is free. A disk that does not say so is not full.
pub(crate) fn is_full(disk: &Disk) -> bool {
    let Ok(status) = rustix::fs::statvfs(&disk.folder) else { return false };
    status.f_bavail.saturating_mul(status.f_frsize) < disk.free_bytes_min
}

/// What the files below a folder take; no link is followed, and holes take nothing.
fn size_bytes(folder: &Path) -> u64 {
    let (mut total, mut files) = (0_u64, 0);
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            files += 1;
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            total = total.saturating_add(metadata.blocks().saturating_mul(BLOCK_BYTES));
            if files > FILES_MAX {
                return u64::MAX;
            }
        }
    }
    total
}
