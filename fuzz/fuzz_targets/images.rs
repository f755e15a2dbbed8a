//! Image manifests, indexes and configurations: read or refused, and what is read names valid digests within limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_image::{ImageError, Source, oci, references};
use seaworthy_model::Digest;
use std::io::Read;

/// Whatever is asked for is these bytes; only the first question gets an answer that fits its name.
struct Everything<'a>(&'a [u8]);

impl Source for Everything<'_> {
    fn open(&self, _digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError> {
        Ok(Box::new(self.0))
    }
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(digests) = references(bytes) {
        assert!(digests.len() <= 1001);
    }
    let _ = oci::image(&Everything(bytes), &Digest::of(bytes));
});
