//! The root of an instance: the image's layers, read-only, with what every instance has on top.

use super::failure::Context as _;
use super::trees::Trees;
use super::{devices, proc, settings, writable};
use crate::place::{APP, HOME, TEMPORARY};
use crate::wire::SandboxSpec;
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use seaworthy_host::linux::mounts::restrict;
use seaworthy_host::peer;
use std::ffi::CString;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Bytes that may be written to `/tmp`; they count as memory of the instance.
const TEMPORARY_BYTES: u64 = 256 * 1024 * 1024;
/// Bytes that may be written to `HOME`.
const HOME_BYTES: u64 = 64 * 1024 * 1024;
/// Files in each of them.
const FILES: u32 = 65_536;

/// Puts the root together and makes it this process's own. Afterwards nothing of the machine's files is in reach but
/// what the specification names.
pub(super) fn build(sandbox: &SandboxSpec) -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .context("cannot leave shared mounts")?;
    let trees = Trees::open(sandbox)?;
    join_layers(sandbox)?;
    // From here on every path, and every link in it, is one of the image: none can lead out.
    make_folder(Path::new("/proc"))?;
    trees.processes.attach(Path::new("/proc"))?;
    devices::mount(&trees.devices)?;
    mount_memory(TEMPORARY, "mode=1777", TEMPORARY_BYTES)?;
    let user = sandbox.user;
    mount_memory(HOME, &format!("mode=0700,uid={user},gid={user}"), HOME_BYTES)?;
    settings::write(sandbox)?;
    make_folder(Path::new(APP))?;
    for (path, tree) in &trees.writable {
        writable::mount(path, tree, user)?;
    }
    for (path, tree) in &trees.volumes {
        make_folder(path)?;
        tree.attach(path)?;
        restrict(path, MountFlags::NOSUID | MountFlags::NODEV)?;
    }
    proc::mask()?;
    restrict(Path::new("/"), MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV)
}

/// Joins the layers to one root, with a little memory on top in which mount points are made, and moves there.
fn join_layers(sandbox: &SandboxSpec) -> io::Result<()> {
    let staging = sandbox.staging.as_path();
    mount_tmpfs(staging, "mode=0755,size=16m,nr_inodes=4096")?;
    std::env::set_current_dir(staging)?;
    for name in ["above", "work", "root", "layers"] {
        make_folder(Path::new(name))?;
    }
    // Short names: the options of a mount have room for 4095 bytes, and no name in them may contain `:` or `,`.
    let mut lower = Vec::new();
    for (number, layer) in sandbox.layers.iter().enumerate() {
        let name = format!("layers/{number}");
        std::os::unix::fs::symlink(layer, &name)?;
        lower.insert(0, name);
    }
    let attributes = if peer::is_root() { "" } else { ",userxattr" };
    let options = format!("lowerdir={},upperdir=above,workdir=work{attributes}", lower.join(":"));
    let options = CString::new(options)?;
    mount("overlay", "root", "overlay", MountFlags::empty(), Some(options.as_c_str()))
        .context("cannot join the image's layers")?;
    std::env::set_current_dir("root")?;
    // pivot_root(2): the old root lies on top of the new one for a moment, and is taken away.
    rustix::process::pivot_root(".", ".").context("cannot change the root")?;
    unmount(".", UnmountFlags::DETACH).context("cannot leave the machine's root")?;
    std::env::set_current_dir("/")
}

fn mount_memory(path: &str, options: &str, bytes: u64) -> io::Result<()> {
    make_folder(Path::new(path))?;
    mount_tmpfs(Path::new(path), &format!("{options},size={bytes},nr_inodes={FILES}"))
}

/// Memory as files; no set-user-id programs, no devices.
pub(super) fn mount_tmpfs(path: &Path, options: &str) -> io::Result<()> {
    let options = CString::new(options)?;
    mount("tmpfs", path, "tmpfs", MountFlags::NOSUID | MountFlags::NODEV, Some(options.as_c_str()))
        .context(format!("cannot mount `{}`", path.display()))
}

/// Makes a folder and those above it, unless they are there.
pub(super) fn make_folder(path: &Path) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(path).context(format!("cannot make `{}`", path.display()))
}
