//! A disk that is full stops a write, in words, and harms nothing that is there. Needs root: it mounts a small one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::process;
use seaworthy_model::Digest;
use seaworthy_store::{Blobs, Keep, Store, StoreError, UploadError, Uploads};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A file system of 2 MiB, until it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new() -> Self {
        assert!(seaworthy_host::peer::is_root(), "this test mounts a file system, which only root may: run it as root");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut mount = process::command("/bin/mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"]).arg(folder.path()).status();
        assert!(mounted.expect("mount").success());
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn files(&self) -> Vec<PathBuf> {
        let folders = ["sha256", "incoming", "uploads"].map(|name| self.path().join("blobs").join(name));
        let files = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("the folder is there"));
        files.map(|entry| entry.unwrap().path()).collect()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = process::command("/bin/umount").arg("--lazy").arg(self.path()).status();
    }
}

fn help(error: StoreError) -> String {
    Diagnostic::from(error).help.expect("an error says what to do next")
}

#[test]
fn a_full_disk_stops_every_way_in_and_what_was_there_is_still_there() {
    let disk = Disk::new();
    let store = Store::open(disk.path()).unwrap();
    let blobs = Blobs::open(disk.path()).unwrap();
    let uploads = Uploads::open(&blobs).unwrap();
    let kept = blobs.put_bytes(b"kept").unwrap();
    let upload = uploads.begin().unwrap();
    assert_eq!(uploads.append(&upload, None, u64::MAX, &b"first half, "[..]).unwrap(), 12);
    let large = vec![7; 4 * 1024 * 1024];
    assert!(help(blobs.put_bytes(&large).unwrap_err()).contains("free some space"));
    assert!(help(blobs.put_stream(&Digest::of(&large), u64::MAX, &large[..]).unwrap_err()).contains("free some space"));
    let source = tempfile::tempdir().unwrap();
    seaworthy_host::files::write_atomic(&source.path().join("large"), &large, 0o644).unwrap();
    assert!(help(blobs.put_file(&source.path().join("large")).unwrap_err()).contains("free some space"));
    match uploads.append(&upload, Some(12), u64::MAX, &large[..]) {
        Err(UploadError::Store(error)) => assert!(help(error).contains("free some space")),
        other => panic!("{other:?}"),
    }
    // Nothing is half there, and the upload goes on where it was.
    assert_eq!(disk.files(), [blobs.path(&kept), disk.path().join("blobs/uploads").join(&upload)]);
    assert_eq!(uploads.append(&upload, Some(12), u64::MAX, &b"second half"[..]).unwrap(), 23);
    uploads.finish(&upload, &Digest::of(b"first half, second half")).unwrap();
    assert_eq!(blobs.read(&kept).unwrap(), b"kept");
    // Making room needs no room.
    let ballast = disk.path().join("ballast");
    let mut filled = std::fs::File::create(&ballast).unwrap();
    assert!(std::io::copy(&mut std::io::repeat(1), &mut filled).is_err());
    let keep = Keep { revisions: 5, spare: Duration::ZERO, ..Keep::default() };
    assert_eq!(blobs.collect_old(Duration::ZERO).unwrap().blobs, 2);
    std::fs::remove_file(&ballast).unwrap();
    assert_eq!(store.collect_garbage(&blobs, &keep).unwrap().blobs, 0);
}
