//! Images in the store: what they are made of.

use crate::{Blobs, StoreError};
use seaworthy_image::limits::DOCUMENT_BYTES_MAX;
use seaworthy_image::{ImageError, Source, references};
use seaworthy_model::Digest;
use std::io::Read;

impl Source for Blobs {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError> {
        let missing = || ImageError::Missing { digest: digest.clone() };
        let opened = self.open_blob(digest).map_err(|error| match error {
            StoreError::Io { source, .. } => ImageError::Stream { action: "read a blob", source },
            _ => missing(),
        });
        Ok(Box::new(opened?.0))
    }
}

impl Blobs {
    /// The blobs that a manifest needs (see [`references`]), itself not among them.
    ///
    /// # Errors
    /// [`ImageError::Missing`] when it is not here, [`ImageError::Document`] when it is no manifest.
    pub fn references(&self, manifest: &Digest) -> Result<Vec<Digest>, ImageError> {
        references(&self.bytes(manifest, DOCUMENT_BYTES_MAX)?)
    }
}
