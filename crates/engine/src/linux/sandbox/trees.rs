//! Parts of the machine's files that are to appear inside: taken hold of before its root is left.

use super::failure::Context as _;
use crate::wire::SandboxSpec;
use nix::sys::statvfs::{FsFlags, statvfs};
use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create, fsmount,
    fsopen, mount_remount, move_mount, open_tree,
};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// A mount that is attached nowhere yet.
pub(super) struct Tree(OwnedFd);

/// Everything from outside.
pub(super) struct Trees {
    /// The processes of this namespace. It must be made while the machine's own `/proc` is in sight
    /// (mount_namespaces(7)).
    pub(super) processes: Tree,
    /// By name in `/dev`.
    pub(super) devices: Vec<(&'static str, Tree)>,
    /// By path inside.
    pub(super) volumes: Vec<(PathBuf, Tree)>,
    /// By path inside.
    pub(super) writable: Vec<(PathBuf, Tree)>,
}

impl Trees {
    pub(super) fn open(sandbox: &SandboxSpec) -> io::Result<Self> {
        let device = |name: &&'static str| Ok((*name, Tree::of(&Path::new("/dev").join(name))?));
        Ok(Self {
            processes: Tree::of_processes().context("cannot make `/proc`")?,
            devices: super::devices::NAMES.iter().map(device).collect::<io::Result<_>>()?,
            volumes: open_all(&sandbox.volumes)?,
            writable: open_all(&sandbox.writable)?,
        })
    }
}

fn open_all(paths: &BTreeMap<PathBuf, PathBuf>) -> io::Result<Vec<(PathBuf, Tree)>> {
    paths.iter().map(|(inside, outside)| Ok((inside.clone(), Tree::of(outside)?))).collect()
}

impl Tree {
    /// With everything that is mounted below it: a part alone may not be taken out of it in a user namespace.
    fn of(path: &Path) -> io::Result<Self> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::AT_RECURSIVE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        open_tree(CWD, path, flags).map(Self).context(format!("cannot take hold of `{}`", path.display()))
    }

    fn of_processes() -> io::Result<Self> {
        let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(context.as_fd())?;
        let flags =
            MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        Ok(Self(fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, flags)?))
    }

    /// Attaches it to what is at `path`, which must exist.
    pub(super) fn attach(&self, path: &Path) -> io::Result<()> {
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_SYMLINKS;
        move_mount(self.0.as_fd(), "", CWD, path, flags).context(format!("cannot mount `{}`", path.display()))
    }
}

/// Adds flags to the mount at `path`; those that it has stay, because some of them may be locked.
pub(super) fn restrict(path: &Path, flags: MountFlags) -> io::Result<()> {
    let now = statvfs(path)?.flags();
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
    mount_remount(path, all, "").context(format!("cannot restrict `{}`", path.display()))
}
