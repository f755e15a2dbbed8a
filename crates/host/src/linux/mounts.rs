//! Mounts that a root is put together of: taken hold of while what they show is in sight, attached later.

use nix::sys::statvfs::{FsFlags, statvfs};
use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsmount,
    fsopen, mount_remount, move_mount, open_tree,
};
use std::fmt::Display;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;

/// A mount that is attached nowhere yet.
#[derive(Debug)]
pub struct Tree(OwnedFd);

impl Tree {
    /// A path with everything that is mounted below it: a part alone may not be taken out of it in a user namespace.
    ///
    /// # Errors
    /// When there is nothing, or `open_tree(2)` is refused; names the path.
    pub fn of(path: &Path) -> io::Result<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        open_tree(CWD, path, flags).map(Self).map_err(|error| while_doing("take hold of", path, &error.into()))
    }

    /// The processes of this namespace. It must be made while the machine's own `/proc` is in sight
    /// (`mount_namespaces(7)`).
    ///
    /// # Errors
    /// When the system refuses it.
    pub fn of_processes() -> io::Result<Self> {
        let make = || -> rustix::io::Result<OwnedFd> {
            let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
            fsconfig_create(context.as_fd())?;
            let flags = MountAttrFlags::MOUNT_ATTR_NOSUID
                | MountAttrFlags::MOUNT_ATTR_NODEV
                | MountAttrFlags::MOUNT_ATTR_NOEXEC;
            fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)
        };
        make().map(Self).map_err(|error| while_doing("make", Path::new("/proc"), &error.into()))
    }

    /// Attaches it to what is at `path`, which must exist.
    ///
    /// # Errors
    /// When there is nothing, or `move_mount(2)` is refused; names the path.
    pub fn attach(&self, path: &Path) -> io::Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
        move_mount(self.0.as_fd(), "", CWD, path, flags).map_err(|error| while_doing("mount", path, &error.into()))
    }
}

/// Adds flags to the mount at `path`; those that it has stay, because some of them may be locked.
///
/// # Errors
/// When nothing is mounted there, or the flags are refused; names the path.
pub fn restrict(path: &Path, flags: MountFlags) -> io::Result<()> {
    let now = statvfs(path).map_err(|error| while_doing("look at", path, &error.into()))?.flags();
    let known = [
        (FsFlags::ST_RDONLY, MountFlags::RDONLY),
        (FsFlags::ST_NOSUID, MountFlags::NOSUID),
        (FsFlags::ST_NODEV, MountFlags::NODEV),
        (FsFlags::ST_NOEXEC, MountFlags::NOEXEC),
        (FsFlags::ST_NOATIME, MountFlags::NOATIME),
        (FsFlags::ST_NODIRATIME, MountFlags::NODIRATIME),
        (FsFlags::ST_RELATIME, MountFlags::RELATIME),
    ];
    let has = known.iter().filter(|(flag, _)| now.contains(*flag)).map(|(_, flag)| *flag);
    let all = has.fold(MountFlags::BIND | flags, |all, flag| all | flag);
    mount_remount(path, all, "").map_err(|error| while_doing("restrict", path, &error.into()))
}

fn while_doing(what: impl Display, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {what} `{}`: {error}", path.display()))
}
