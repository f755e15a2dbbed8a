//! User ids that belong to nobody in passwd, a range of its own for every home.

use crate::files::{self, FileError};
use crate::home::{ROOT_RUNTIME, resolved};
use sha2::{Digest as _, Sha256};
use std::io;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The first id of slot 0.
pub const FIRST: u32 = 0x3000_0000;
/// Ids in a slot.
pub const SLOT_SIZE: u32 = 1_000;
/// Slots: all ids stay below 2^30, so that no program takes one for a negative number.
pub const SLOTS: u32 = 200_000;

/// The ids of a slot.
#[must_use]
pub fn range(slot: u32) -> Range<u32> {
    let first = FIRST + slot * SLOT_SIZE;
    first..first + SLOT_SIZE
}

/// Claims a slot for a home until the next reboot: `preferred` (what it had before), else one by the hash of its path,
/// else the next that is free. The same home gets the same slot again.
///
/// # Errors
/// [`FileError`] when the registry under `/run` cannot be written, or another home has the preferred slot.
pub fn claim(home: &Path, preferred: Option<u32>) -> Result<u32, FileError> {
    claim_in(&Path::new(ROOT_RUNTIME).join("ids"), home, preferred)
}

/// Gives back what a home had that is not there any more. Nothing there is no error.
///
/// # Errors
/// [`FileError`] when the registry cannot be written.
pub fn release(home: &Path) -> Result<(), FileError> {
    release_in(&Path::new(ROOT_RUNTIME).join("ids"), home)
}

fn release_in(registry: &Path, home: &Path) -> Result<(), FileError> {
    let home = resolved(home);
    let Ok(entries) = std::fs::read_dir(registry) else { return Ok(()) };
    for entry in entries.flatten() {
        if files::read_if_there(&entry.path())?.is_some_and(|owner| owner == home.as_os_str().as_bytes()) {
            files::remove_tree(&entry.path())?;
        }
    }
    Ok(())
}

fn claim_in(registry: &Path, home: &Path, preferred: Option<u32>) -> Result<u32, FileError> {
    files::create_directory(registry, 0o711)?;
    let home = resolved(home);
    if let Some(slot) = preferred {
        return if take(registry, slot, &home)? { Ok(slot) } else { Err(in_use(registry, slot)) };
    }
    let hash = Sha256::digest(home.as_os_str().as_bytes());
    let start = u32::from_be_bytes([hash[4], hash[5], hash[6], hash[7]]) % SLOTS;
    for offset in 0..SLOTS {
        let slot = (start + offset) % SLOTS;
        if take(registry, slot, &home)? {
            return Ok(slot);
        }
    }
    Err(in_use(registry, start))
}

fn in_use(registry: &Path, slot: u32) -> FileError {
    let path = registry.join(slot.to_string());
    FileError::new("claim", &path, io::Error::new(io::ErrorKind::AlreadyExists, "another home has these user ids"))
}

/// Whether the slot is this home's, now or already. Linking a finished file is atomic: nobody reads half an entry.
fn take(registry: &Path, slot: u32, home: &Path) -> Result<bool, FileError> {
    let entry = registry.join(slot.to_string());
    if let Some(owner) = files::read_if_there(&entry)? {
        return Ok(owner == home.as_os_str().as_bytes());
    }
    let draft = registry.join(format!(".{slot}-{}", std::process::id()));
    files::write_atomic(&draft, home.as_os_str().as_bytes(), 0o644)?;
    let linked = std::fs::hard_link(&draft, &entry);
    files::remove_tree(&draft)?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Ok(files::read(&entry)? == home.as_os_str().as_bytes())
        }
        Err(error) => Err(FileError::new("create", &entry, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn homes_get_slots_of_their_own_and_keep_them() {
        let directory = tempfile::tempdir().unwrap();
        let registry = directory.path().join("ids");
        let first = claim_in(&registry, Path::new("/a"), None).unwrap();
        assert_eq!(claim_in(&registry, Path::new("/a"), None).unwrap(), first);
        assert_eq!(claim_in(&registry, Path::new("/a"), Some(first)).unwrap(), first);
        assert!(claim_in(&registry, Path::new("/b"), Some(first)).is_err());
        assert_ne!(claim_in(&registry, Path::new("/b"), None).unwrap(), first);
    }

    #[test]
    fn a_collision_moves_on_to_the_next_slot() {
        let directory = tempfile::tempdir().unwrap();
        let registry = directory.path().join("ids");
        let slot = claim_in(&registry, Path::new("/a"), None).unwrap();
        files::write_atomic(&registry.join(slot.to_string()), b"/other", 0o644).unwrap();
        assert_eq!(claim_in(&registry, Path::new("/a"), None).unwrap(), (slot + 1) % SLOTS);
    }

    #[test]
    fn the_last_id_is_no_negative_number() {
        assert!(range(SLOTS - 1).end < 0x4000_0000);
    }
}
