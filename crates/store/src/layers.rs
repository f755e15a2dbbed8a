//! Unpacked layers and images: folders `<folder>/<64 hexadecimal digits>`, named by a layer's `diff_id` or an image's
//! manifest, and shared by all instances that have them.

use crate::StoreError;
use seaworthy_host::files::FileError;
use seaworthy_host::{clock, files};
use seaworthy_model::Digest;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// What a layer is called while it is being removed: no name of a layer.
const LEAVING: &str = ".leaving-";
/// The most layers that one call removes.
const REMOVED_MAX: usize = 1_000;

/// Removes the unpacked layers that are not needed and not younger than `spare`, and what an earlier call that was
/// killed left half removed; returns how many. A layer is there whole or not at all: it is renamed before it is taken
/// apart. `needed` is [`crate::Collected::layers`] or [`crate::Collected::images`] and what running instances use.
///
/// # Errors
/// When the folder cannot be read or something in it cannot be removed. No folder is no error: there are no layers.
pub fn collect(folder: &Path, needed: &BTreeSet<Digest>, spare: Duration) -> Result<u64, StoreError> {
    let names: BTreeSet<&str> = needed.iter().map(Digest::hex).collect();
    let now = clock::now();
    let oldest = now.checked_sub(spare).unwrap_or(now);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(StoreError::io("list", folder)(error)),
    };
    let mut removed = 0;
    for entry in entries.take(REMOVED_MAX) {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let path = entry.path();
        if name.starts_with(LEAVING) {
            remove(&path)?;
            continue;
        }
        // What is no layer's name belongs to whoever unpacks.
        let is_layer = Digest::try_from(format!("sha256:{name}")).is_ok();
        // When it got its name: its time of modification is the image's, which says nothing.
        let old = entry.metadata().is_ok_and(|metadata| named_at(&metadata) < oldest);
        if !is_layer || !old || names.contains(name.as_str()) {
            continue;
        }
        let leaving = folder.join(format!("{LEAVING}{name}"));
        fs::rename(&path, &leaving).map_err(StoreError::io("rename", &path))?;
        remove(&leaving)?;
        removed += 1;
    }
    Ok(removed)
}

/// Whatever the modes in it say.
fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = files::remove_tree(path).or_else(|error| match error {
        FileError::Denied { .. } if open_up(path).is_ok() => files::remove_tree(path),
        error => Err(error),
    });
    removed.map_err(|error| {
        let source = error.io().raw_os_error().map_or(io::ErrorKind::Other.into(), io::Error::from_raw_os_error);
        StoreError::Io { action: "remove", path: path.to_owned(), source }
    })
}

/// A user who is not root cannot empty a folder that its owner may not write: images have such folders.
fn open_up(folder: &Path) -> Result<(), FileError> {
    files::set_mode(folder, 0o700)?;
    let entries = fs::read_dir(folder).map_err(|error| FileError::new("list", folder, error))?;
    let is_folder = |entry: &fs::DirEntry| entry.file_type().is_ok_and(|kind| kind.is_dir());
    entries.flatten().filter(is_folder).try_for_each(|entry| open_up(&entry.path()))
}

fn named_at(metadata: &fs::Metadata) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(metadata.ctime().max(0).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_layers_that_nobody_needs_are_removed_and_half_removed_ones_always() {
        let root = tempfile::tempdir().unwrap();
        let (kept, gone) = (Digest::of(b"kept"), Digest::of(b"gone"));
        let make = |name: &str| {
            fs::create_dir_all(root.path().join(name).join("etc")).unwrap();
            seaworthy_host::files::write_atomic(&root.path().join(name).join("etc/f"), b"x", 0o444).unwrap();
        };
        for name in [kept.hex(), gone.hex(), ".leaving-x", ".unpacking-y"] {
            make(name);
        }
        let needed = BTreeSet::from([kept.clone()]);
        assert_eq!(collect(root.path(), &needed, Duration::from_secs(3600)).unwrap(), 0);
        assert_eq!(collect(root.path(), &needed, Duration::ZERO).unwrap(), 1);
        let mut left: Vec<_> = fs::read_dir(root.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, [".unpacking-y", kept.hex()]);
        assert_eq!(collect(&root.path().join("none"), &needed, Duration::ZERO).unwrap(), 0);
    }
}
