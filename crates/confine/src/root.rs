//! The root of a job: nothing in it but what the job names, a `/proc` of its own processes, and a few devices.

use crate::job::{Bind, Job, PrivateFile};
use rustix::mount::{MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_change, unmount};
use seaworthy_host::linux::mounts::{Tree, restrict};
use std::ffi::CString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::Path;

/// Where the root is put together; what is there stays untouched, outside.
const STAGING: &str = "/tmp";
/// The devices inside.
const DEVICES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
/// Links in `/dev`.
const LINKS: [(&str, &str); 4] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
];
/// Memory as files: the root itself, and what is shared between processes.
const ROOT: &str = "mode=0755,size=4m,nr_inodes=4096";
const SHARED: &str = "mode=1777,size=256m,nr_inodes=4096";

/// Puts the root together and makes it this process's own, which is the first of its namespaces.
pub(crate) fn build(job: &Job) -> io::Result<()> {
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
    let processes = Tree::of_processes()?;
    let devices = DEVICES.iter().map(|name| Tree::of(&Path::new("/dev").join(name))).collect::<io::Result<Vec<_>>>()?;
    let mut binds = Vec::new();
    for bind in &job.binds {
        let is_folder = fs::metadata(&bind.from).map_err(|error| named(&error, &bind.from))?.is_dir();
        binds.push((bind, is_folder, Tree::of(&bind.from)?));
    }
    memory(Path::new(STAGING), ROOT)?;
    std::env::set_current_dir(STAGING)?;
    rustix::process::pivot_root(".", ".")?;
    unmount(".", UnmountFlags::DETACH)?;
    std::env::set_current_dir("/")?;
    folder(Path::new("/proc"))?;
    processes.attach(Path::new("/proc"))?;
    make_devices(&devices)?;
    for (bind, is_folder, tree) in &binds {
        attach_bind(bind, *is_folder, tree)?;
    }
    job.files.iter().try_for_each(|file| write(file, job.user))?;
    restrict(Path::new("/"), MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV)
}

fn named(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

fn attach_bind(bind: &Bind, is_folder: bool, tree: &Tree) -> io::Result<()> {
    if is_folder {
        folder(&bind.at)?;
    } else if !bind.at.exists() {
        bind.at.parent().map_or(Ok(()), folder)?;
        File::create(&bind.at).map_err(|error| named(&error, &bind.at))?;
    }
    tree.attach(&bind.at)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    restrict(&bind.at, if bind.writable { flags } else { flags | MountFlags::RDONLY })
}

fn make_devices(devices: &[Tree]) -> io::Result<()> {
    let all = Path::new("/dev");
    folder(all)?;
    for (name, tree) in DEVICES.iter().zip(devices) {
        File::create(all.join(name))?;
        tree.attach(&all.join(name))?;
    }
    for (name, target) in LINKS {
        symlink(target, all.join(name))?;
    }
    let shared = all.join("shm");
    folder(&shared)?;
    memory(&shared, SHARED)
}

fn memory(path: &Path, options: &str) -> io::Result<()> {
    let options = CString::new(options)?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV;
    mount("tmpfs", path, "tmpfs", flags, Some(options.as_c_str())).map_err(|error| named(&error.into(), path))
}

fn folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new().recursive(true).mode(0o755).create(path).map_err(|error| named(&error, path))
}

/// Writes a file that is not there yet; also used where there is no root of its own.
pub(crate) fn write(file: &PrivateFile, user: Option<u32>) -> io::Result<()> {
    file.at.parent().map_or(Ok(()), folder)?;
    let mut options = OpenOptions::new();
    let mut made = options.write(true).create_new(true).mode(0o600).open(&file.at).map_err(|e| named(&e, &file.at))?;
    made.write_all(file.text.reveal().as_bytes())?;
    made.set_permissions(fs::Permissions::from_mode(file.mode))?;
    if let Some(user) = user {
        std::os::unix::fs::fchown(&made, Some(user), Some(user))?;
    }
    Ok(())
}
