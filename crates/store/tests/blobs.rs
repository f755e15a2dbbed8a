//! Blobs are whole or not there.

use seaworthy_model::Digest;
use seaworthy_store::{Blobs, StoreError};
use std::io::Read;

fn world() -> (tempfile::TempDir, Blobs) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let blobs = Blobs::open(root.path()).expect("blobs open");
    (root, blobs)
}

/// Every file under the blobs' folders, finished or not.
fn files(root: &std::path::Path) -> usize {
    let folders = ["sha256", "incoming"].iter().map(|name| root.join("blobs").join(name));
    folders.map(|folder| std::fs::read_dir(folder).expect("the folder is there").count()).sum()
}

#[test]
fn bytes_files_and_streams_of_one_content_are_one_blob() {
    let (root, blobs) = world();
    let digest = blobs.put_bytes(b"hello").unwrap();
    assert_eq!(digest, Digest::of(b"hello"));
    let file = root.path().join("file");
    seaworthy_host::files::write_atomic(&file, b"hello", 0o644).unwrap();
    assert_eq!(blobs.put_file(&file).unwrap(), (digest.clone(), 5));
    assert_eq!(blobs.put_stream(&digest, 5, &b"hello"[..]).unwrap(), 5);
    assert_eq!(blobs.read(&digest).unwrap(), b"hello");
    assert_eq!(blobs.path(&digest), root.path().join("blobs/sha256").join(digest.hex()));
    assert_eq!(files(root.path()), 1);
}

#[test]
fn a_wrong_a_long_and_a_broken_stream_leave_nothing() {
    let (root, blobs) = world();
    let expected = Digest::of(b"hello");
    assert!(matches!(blobs.put_stream(&expected, 99, &b"hullo"[..]), Err(StoreError::WrongDigest { .. })));
    assert!(matches!(blobs.put_stream(&expected, 4, &b"hello"[..]), Err(StoreError::TooLarge { limit_bytes: 4, .. })));
    assert!(matches!(blobs.put_stream(&expected, 99, b"hel".chain(Broken)), Err(StoreError::Io { .. })));
    assert!(!blobs.contains(&expected));
    assert!(matches!(blobs.read(&expected), Err(StoreError::MissingBlob(_))));
    assert_eq!(files(root.path()), 0);
}

#[test]
fn many_writers_of_one_blob_do_not_disturb_each_other() {
    let (root, blobs) = world();
    let bytes = vec![7; 300_000];
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| blobs.put_stream(&Digest::of(&bytes), 300_000, &bytes[..]).unwrap());
        }
    });
    assert_eq!(blobs.read(&Digest::of(&bytes)).unwrap(), bytes);
    assert_eq!(files(root.path()), 1);
}

/// A connection that breaks.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}
