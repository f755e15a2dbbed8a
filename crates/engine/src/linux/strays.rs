//! Processes of an instance whose shim is dead, wherever they went.

use seaworthy_host::linux::procfs;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Every live process that was started with this folder as its `TMPDIR`: a program's children inherit it, even those
/// that leave its session.
pub(crate) fn started_with_tmpdir(tmpdir: &Path) -> Vec<u32> {
    let entry = [b"TMPDIR=", tmpdir.as_os_str().as_bytes()].concat();
    let has_it = |pid: &u32| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == entry)
    };
    let live = procfs::all().into_iter().filter(|stat| !matches!(stat.state, 'Z' | 'X')).map(|stat| stat.pid);
    live.filter(has_it).collect()
}
