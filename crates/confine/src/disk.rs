//! What a job takes of a disk.

use crate::job::Disk;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// How many files are counted when a folder is measured.
const FILES_MAX: usize = 2_000_000;
/// In which pieces files are counted (stat(3type)).
const BLOCK_BYTES: u64 = 512;

/// How many more files there have to be room for; on a small disk a twentieth of those that it takes.
const FREE_FILES_MIN: u64 = 10_000;

/// Whether the folder holds too much.
pub(crate) fn is_too_large(disk: &Disk) -> bool {
    size_bytes(&disk.folder) > disk.bytes_max
}

/// Whether too little is free, of bytes or of files. A disk that does not say so is not full.
pub(crate) fn is_full(disk: &Disk) -> bool {
    let Ok(status) = rustix::fs::statvfs(&disk.folder) else { return false };
    let bytes = status.f_bavail.saturating_mul(status.f_frsize);
    bytes < disk.free_bytes_min || lacks_files(status.f_files, status.f_favail)
}

/// File systems that make room for files as they go along say that there are none at all.
fn lacks_files(all: u64, free: u64) -> bool {
    all > 0 && free < FREE_FILES_MIN.min(all / 20)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_to_have_room_for_more_files_if_it_counts_them() {
        assert!(!lacks_files(0, 0), "btrfs");
        assert!(!lacks_files(6_000_000, 10_000) && lacks_files(6_000_000, 9_999));
        assert!(!lacks_files(4_000, 200) && lacks_files(4_000, 199));
    }
}
