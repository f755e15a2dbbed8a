//! Disks that are small, full, or not writable. They need root.

use seaworthy_host::process;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

/// Something mounted, until it is dropped.
pub(crate) struct Mounted(PathBuf);

impl Mounted {
    /// A file system of its own, in memory, of that many MiB.
    pub(crate) fn small(folder: &Path, mebibytes: u32) -> Self {
        fs::create_dir_all(folder).expect("a folder to mount on");
        mount(&["-t", "tmpfs", "-o", &format!("size={mebibytes}m,mode=0711"), "tmpfs", &folder.to_string_lossy()]);
        Self(folder.to_owned())
    }

    /// A folder once more, in another place, where nobody can change it: not even who clears up there.
    pub(crate) fn again(folder: &Path, at: &Path) -> Self {
        fs::create_dir_all(at).expect("a folder to mount on");
        let at_text = at.to_string_lossy();
        mount(&["--bind", &folder.to_string_lossy(), &at_text]);
        let mounted = Self(at.to_owned());
        mount(&["-o", "remount,bind,ro", &at_text]);
        mounted
    }

    /// The folder as it is, but nobody can write in it.
    pub(crate) fn read_only(folder: &Path) -> Self {
        let path = folder.to_string_lossy();
        mount(&["--bind", &path, &path]);
        let mounted = Self(folder.to_owned());
        mount(&["-o", "remount,bind,ro", &path]);
        mounted
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: what still runs there is the business of whoever looks for orphans.
        let _ = process::command("/bin/umount").arg("--lazy").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str]) {
    assert!(seaworthy_host::peer::is_root(), "this test mounts file systems, which only root may: run it as root");
    let output = process::command("/bin/mount").args(arguments).output().expect("mount");
    assert!(output.status.success(), "mount {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Fills the disk below a folder but for that many KiB. What is there is freed by removing the file.
pub(crate) fn fill(folder: &Path, left_kibibytes: usize) -> PathBuf {
    let path = folder.join("ballast");
    let mut file = File::create(&path).expect("an empty file");
    let block = vec![1; 64 * 1024];
    let mut written: u64 = 0;
    while let Ok(count @ 1..) = file.write(&block) {
        written += count as u64;
    }
    file.set_len(written.saturating_sub(left_kibibytes as u64 * 1024)).expect("a shorter file");
    path
}
