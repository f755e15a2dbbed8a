//! What of `/proc` is hidden or read-only: the list that containers are used to (OCI runtime specification, "masked
//! paths" and "read-only paths", as Docker fills it in).

use super::failure::Context as _;
use super::root::mount_tmpfs;
use rustix::mount::{MountFlags, mount_bind};
use seaworthy_host::linux::mounts::restrict;
use std::fs;
use std::io;
use std::path::Path;

/// They tell about the machine, its memory and its keys.
const MASKED: [&str; 12] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/key-users",
    "/proc/kallsyms",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
];

/// They change the machine, for whoever has the right to.
const READ_ONLY: [&str; 5] = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

pub(super) fn mask() -> io::Result<()> {
    for path in READ_ONLY {
        if Path::new(path).exists() {
            mount_bind(path, path).context(format!("cannot mount `{path}`"))?;
            restrict(Path::new(path), MountFlags::RDONLY)?;
        }
    }
    for path in MASKED {
        let Ok(metadata) = fs::metadata(path) else { continue };
        if metadata.is_dir() {
            mount_tmpfs(Path::new(path), "mode=0555,size=0,nr_inodes=1")?;
            restrict(Path::new(path), MountFlags::RDONLY)?;
        } else {
            mount_bind("/dev/null", path).context(format!("cannot hide `{path}`"))?;
        }
    }
    Ok(())
}
