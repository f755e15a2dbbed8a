//! Layers into a folder of this machine. Whatever a layer says, nothing outside the folder is touched, nothing in it
//! is a device, gets somebody else's rights or an owner but the current user.

mod apply;
mod root;
mod roots;

use crate::oci::LayerDescriptor;
use crate::{ImageError, Limits, Source};
use apply::Applied;
use seaworthy_host::files::{self, FileError};
use seaworthy_host::process;
use seaworthy_model::Digest;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub use roots::{Root, root_names, roots};

/// What to unpack, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// How much there may be.
    pub limits: Limits,
    /// Only what lies below this folder, as if it were the root; without it, everything.
    pub below: Option<String>,
    /// Refuse symbolic links that lead out of what is unpacked: for a folder that will not be anybody's root.
    pub links_stay: bool,
}

/// Where the root of an image lies, or would lie: in `roots`, by the digest of its manifest.
#[must_use]
pub fn place(roots: &Path, name: &Digest) -> PathBuf {
    roots.join(name.hex())
}

/// The root filesystem of these layers (the lowest first) under `roots/NAME`: made now, or there already. It appears
/// whole and on the disk, or not at all; several processes may unpack the same at once, and all get the same folder.
///
/// For a single layer `name` is its diff id, for an image the digest of its manifest. What a layer removes from those
/// below it is removed where they are unpacked together; a layer that is unpacked alone removes nothing.
///
/// # Errors
/// When a layer is damaged, too large, not here, or holds what cannot be unpacked. Nothing is left behind then.
pub fn unpack(
    source: &(impl Source + ?Sized),
    layers: &[LayerDescriptor],
    roots: &Path,
    name: &Digest,
    options: &Options,
) -> Result<PathBuf, ImageError> {
    let to = place(roots, name);
    if to.is_dir() {
        return Ok(to);
    }
    files::create_directory(roots, 0o711)?;
    let draft = Draft::create(roots, name)?;
    into(source, layers, &draft.path, options)?;
    sync(&draft.path)?;
    match fs::rename(&draft.path, &to) {
        Ok(()) => {}
        // Somebody else was faster. A folder of this name is always whole.
        Err(_) if to.is_dir() => return Ok(to),
        Err(error) => return Err(FileError::new("make", &to, error).into()),
    }
    files::sync_directory(roots)?;
    Ok(to)
}

/// Unpacks into a folder that is there and is empty. After an error, something may be in it.
///
/// # Errors
/// As for [`unpack`].
pub fn into(
    source: &(impl Source + ?Sized),
    layers: &[LayerDescriptor],
    folder: &Path,
    options: &Options,
) -> Result<(), ImageError> {
    let mut applied = Applied::new(folder, options)?;
    for layer in layers {
        let media_type = &layer.media_type;
        let compressed = layer.compressed().ok_or_else(|| ImageError::Document {
            document: "layer",
            why: format!("its media type `{media_type}` is not known"),
        })?;
        let expected = crate::archive::Expected {
            digest: &layer.digest,
            diff_id: &layer.diff_id,
            size_bytes: layer.size_bytes,
            compressed,
        };
        let bytes = source.open(&layer.digest)?;
        applied.begin_layer();
        crate::archive::layer(bytes, &expected, &options.limits, &mut |item, content| applied.item(item, content))?;
    }
    applied.finish()
}

/// Removes what processes that are gone left half unpacked; returns how many folders that were.
///
/// # Errors
/// When the folder cannot be read.
pub fn remove_leftovers(roots: &Path) -> Result<usize, ImageError> {
    let entries = match fs::read_dir(roots) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(FileError::new("read", roots, error).into()),
    };
    let mut removed = 0;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(DRAFT)).and_then(owner);
        if owner.is_some_and(|(pid, started)| !process::is_alive(pid, started)) {
            files::remove_tree(&entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// Names of folders that are being filled: this, process id, its start time, a number.
const DRAFT: &str = ".new-";

fn owner(rest: &str) -> Option<(u32, u64)> {
    let mut parts = rest.split('-');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// A folder on its way; it goes away unless it was renamed.
struct Draft {
    path: PathBuf,
}

impl Draft {
    fn create(roots: &Path, name: &Digest) -> Result<Self, ImageError> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let pid = std::process::id();
        let started = process::start_time(pid).unwrap_or(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = roots.join(format!("{DRAFT}{pid}-{started}-{number}-{}", name.short()));
        // A process of an earlier run of the machine may have had the same id and time.
        files::remove_tree(&path)?;
        files::create_directory(&path, 0o755)?;
        Ok(Self { path })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // After the rename there is nothing to remove any more, which is no matter.
        let _ = files::remove_tree(&self.path);
    }
}

/// Everything below onto the disk, in one call where there is one.
fn sync(folder: &Path) -> Result<(), ImageError> {
    let wrong = |error: std::io::Error| FileError::new("synchronise", folder, error);
    let folder = fs::File::open(folder).map_err(wrong)?;
    #[cfg(target_os = "linux")]
    nix::unistd::syncfs(&folder).map_err(|errno| wrong(errno.into()))?;
    #[cfg(not(target_os = "linux"))]
    {
        folder.sync_all().map_err(wrong)?;
        nix::unistd::sync();
    }
    Ok(())
}
