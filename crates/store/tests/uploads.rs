//! Uploads go on where they stood, become whole blobs or none, and are never written by two at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use seaworthy_model::Digest;
use seaworthy_store::uploads::UPLOADS_MAX;
use seaworthy_store::{Blobs, UploadError, Uploads};
use std::io::Read;
use std::sync::mpsc;

fn world() -> (tempfile::TempDir, Blobs, Uploads) {
    let root = tempfile::tempdir().expect("a temporary folder");
    let blobs = Blobs::open(root.path()).expect("blobs");
    let uploads = Uploads::open(&blobs).expect("uploads");
    (root, blobs, uploads)
}

#[test]
fn pieces_become_a_blob_also_after_the_process_was_started_again() {
    let (root, blobs, uploads) = world();
    let id = uploads.begin().unwrap();
    assert_eq!(uploads.append(&id, Some(0), 100, &b"hel"[..]).unwrap(), 3);
    let again = Uploads::open(&Blobs::open(root.path()).unwrap()).unwrap();
    assert_eq!(again.length_bytes(&id).unwrap(), 3);
    assert_eq!(again.append(&id, Some(3), 100, &b"lo"[..]).unwrap(), 5);
    assert_eq!(again.finish(&id, &Digest::of(b"hello")).unwrap(), 5);
    assert_eq!(blobs.read(&Digest::of(b"hello")).unwrap(), b"hello");
    assert!(matches!(again.length_bytes(&id), Err(UploadError::Unknown)));
}

#[test]
fn a_piece_out_of_order_a_long_one_and_a_wrong_whole_are_refused() {
    let (_root, blobs, uploads) = world();
    let id = uploads.begin().unwrap();
    uploads.append(&id, None, 100, &b"hel"[..]).unwrap();
    let out_of_order = uploads.append(&id, Some(9), 100, &b"lo"[..]);
    assert!(matches!(out_of_order, Err(UploadError::OutOfOrder { length_bytes: 3 })));
    assert!(matches!(uploads.append(&id, None, 4, &b"lo"[..]), Err(UploadError::TooLarge { limit_bytes: 4 })));
    assert_eq!(uploads.length_bytes(&id).unwrap(), 3);
    assert!(matches!(uploads.finish(&id, &Digest::of(b"other")), Err(UploadError::WrongDigest { .. })));
    assert!(matches!(uploads.length_bytes(&id), Err(UploadError::Unknown)));
    assert!(!blobs.contains(&Digest::of(b"hel")) && !blobs.contains(&Digest::of(b"other")));
}

#[test]
fn a_sender_that_breaks_off_goes_on_where_it_was() {
    let (_root, _blobs, uploads) = world();
    let id = uploads.begin().unwrap();
    let broken = uploads.append(&id, None, 100, b"hel".chain(Broken));
    assert!(matches!(broken, Err(UploadError::Interrupted(_))));
    assert_eq!(uploads.append(&id, Some(3), 100, &b"lo"[..]).unwrap(), 5);
}

#[test]
fn two_calls_never_write_one_upload_at_once() {
    let (_root, _blobs, uploads) = world();
    let id = uploads.begin().unwrap();
    let (reading, is_reading) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| uploads.append(&id, None, 100, Waits { reading, may_go_on }));
        is_reading.recv().unwrap();
        assert!(matches!(uploads.append(&id, None, 100, &b"x"[..]), Err(UploadError::Busy)));
        assert!(matches!(uploads.cancel(&id), Err(UploadError::Busy)));
        assert!(matches!(uploads.finish(&id, &Digest::of(b"")), Err(UploadError::Busy)));
        go_on.send(()).unwrap();
        assert_eq!(first.join().unwrap().unwrap(), 0);
    });
    uploads.cancel(&id).unwrap();
    assert!(matches!(uploads.cancel(&id), Err(UploadError::Unknown)));
}

#[test]
fn names_that_are_none_and_too_many_uploads_are_refused() {
    let (_root, _blobs, uploads) = world();
    for odd in ["", "..", "../sha256/x", "ABCDEF00ABCDEF00ABCDEF00ABCDEF00", "é"] {
        assert!(matches!(uploads.length_bytes(odd), Err(UploadError::Unknown)), "{odd}");
    }
    let ids: Vec<String> = (0..UPLOADS_MAX).map(|_| uploads.begin().unwrap()).collect();
    assert!(matches!(uploads.begin(), Err(UploadError::TooMany)));
    uploads.cancel(&ids[0]).unwrap();
    uploads.begin().unwrap();
}

/// A sender that waits to be told to go on, and then has nothing.
struct Waits {
    reading: mpsc::Sender<()>,
    may_go_on: mpsc::Receiver<()>,
}

impl Read for Waits {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        let _ = self.reading.send(());
        let _ = self.may_go_on.recv();
        Ok(0)
    }
}

/// A connection that breaks.
struct Broken;

impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::ErrorKind::ConnectionReset.into())
    }
}
