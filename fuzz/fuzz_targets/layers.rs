//! Layers of strangers: unpacked within a folder, or refused; never a device, never anything outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_image::oci::LayerDescriptor;
use seaworthy_image::unpack::{Options, into};
use seaworthy_image::{ImageError, Limits, Source};
use seaworthy_model::Digest;
use std::io::Read;

struct One<'a>(&'a [u8]);

impl Source for One<'_> {
    fn open(&self, _digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError> {
        Ok(Box::new(self.0))
    }
}

const KINDS: [&str; 3] = ["tar", "tar+gzip", "tar+zstd"];

fuzz_target!(|input: (u8, &[u8])| {
    let (kind, bytes) = input;
    let around = tempfile::tempdir().expect("a folder");
    let root = around.path().join("root");
    std::fs::create_dir(&root).expect("a folder");
    let layer = LayerDescriptor {
        media_type: format!("application/vnd.oci.image.layer.v1.{}", KINDS[usize::from(kind) % KINDS.len()]),
        digest: Digest::of(bytes),
        size_bytes: bytes.len() as u64,
        diff_id: Digest::of(bytes),
    };
    let limits = Limits { entries_max: 100, layer_bytes_max: 1 << 20, ..Limits::default() };
    let _ = into(&One(bytes), &[layer], &root, &Options { limits, ..Options::default() });
    assert_eq!(std::fs::read_dir(around.path()).expect("the folder").count(), 1);
});
