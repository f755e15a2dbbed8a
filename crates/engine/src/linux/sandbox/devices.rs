//! `/dev`: what programs take for granted, and no device of the machine's.

use super::failure::Context as _;
use super::root::{make_folder, mount_tmpfs};
use rustix::mount::MountFlags;
use seaworthy_host::linux::mounts::{Tree, restrict};
use std::fs::File;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// The devices inside. They are the machine's own nodes: in a user namespace none can be made.
pub(super) const NAMES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];

const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];

/// Shared memory, as much as containers have.
const SHARED: &str = "mode=1777,size=64m,nr_inodes=4096";

pub(super) fn mount(devices: &[(&str, Tree)]) -> io::Result<()> {
    let folder = Path::new("/dev");
    make_folder(folder)?;
    mount_tmpfs(folder, "mode=0755,size=64k,nr_inodes=64")?;
    for (name, tree) in devices {
        let path = folder.join(name);
        File::create(&path).context(format!("cannot make `{}`", path.display()))?;
        tree.attach(&path)?;
    }
    for (name, target) in LINKS {
        symlink(target, folder.join(name)).context(format!("cannot make `/dev/{name}`"))?;
    }
    let shared = folder.join("shm");
    make_folder(&shared)?;
    mount_tmpfs(&shared, SHARED)?;
    restrict(&shared, MountFlags::NOEXEC)?;
    restrict(folder, MountFlags::RDONLY | MountFlags::NOEXEC)
}
