//! Paths of the image that an instance may write: each a private copy that lives as long as the instance.

use super::failure::Context as _;
use super::root::make_folder;
use rustix::mount::{MountFlags, UnmountFlags, mount_bind, unmount};
use seaworthy_host::linux::mounts::{Tree, restrict};
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown, symlink};
use std::path::Path;

/// Where the instance's copy is while it is made.
const PLACE: &str = "/.writable";

/// Puts the instance's copy of `path` there; the first start makes it.
pub(super) fn mount(path: &Path, tree: &Tree, user: u32) -> io::Result<()> {
    let (place, shown) = (Path::new(PLACE), path.display());
    make_folder(place)?;
    tree.attach(place)?;
    let (content, draft) = (place.join("content"), place.join("draft"));
    if !content.exists() {
        match fs::symlink_metadata(&draft) {
            Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(&draft)?,
            Ok(_) => fs::remove_file(&draft)?,
            Err(_) => {}
        }
        if path.exists() { copy(&fs::canonicalize(path)?, &draft, user) } else { make_empty(&draft, user) }
            .context(format!("cannot copy `{shown}`"))?;
        fs::rename(&draft, &content)?;
    }
    if !path.exists() {
        make_folder(path)?;
    }
    mount_bind(&content, path).context(format!("cannot mount `{shown}`"))?;
    restrict(path, MountFlags::NOSUID | MountFlags::NODEV)?;
    unmount(place, UnmountFlags::DETACH)?;
    fs::remove_dir(place)
}

fn make_empty(path: &Path, user: u32) -> io::Result<()> {
    DirBuilder::new().mode(0o755).create(path)?;
    lchown(path, Some(user), Some(user))
}

/// Copies folders, files and links; a device or a socket in an image has no meaning.
fn copy(from: &Path, to: &Path, user: u32) -> io::Result<()> {
    let metadata = fs::symlink_metadata(from)?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        make_empty(to, user)?;
        for entry in fs::read_dir(from)? {
            let entry = entry?;
            copy(&entry.path(), &to.join(entry.file_name()), user)?;
        }
    } else if kind.is_symlink() {
        symlink(fs::read_link(from)?, to)?;
    } else if kind.is_file() {
        fs::copy(from, to)?;
    } else {
        return Ok(());
    }
    lchown(to, Some(user), Some(user))?;
    if !kind.is_symlink() {
        // Its owner may write it, whatever it was; no set-user-id bit comes along.
        fs::set_permissions(to, Permissions::from_mode(metadata.mode() & 0o777 | 0o200))?;
    }
    Ok(())
}
