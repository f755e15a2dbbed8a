//! Where content comes from.

use crate::ImageError;
use seaworthy_model::Digest;
use std::io::Read;

/// Content by its digest: a store, a folder of a layout.
pub trait Source {
    /// Opens some content.
    ///
    /// # Errors
    /// [`ImageError::Missing`] when it is not here, or what reading gives.
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError>;

    /// All of some content that is small, checked against its name.
    ///
    /// # Errors
    /// [`ImageError::TooMuch`] past `limit_bytes`, [`ImageError::WrongDigest`] when it is damaged, and those of
    /// [`Source::open`].
    fn bytes(&self, digest: &Digest, limit_bytes: u64) -> Result<Vec<u8>, ImageError> {
        let mut bytes = Vec::new();
        let mut reader = self.open(digest)?.take(limit_bytes.saturating_add(1));
        reader.read_to_end(&mut bytes).map_err(ImageError::stream("read a document"))?;
        if bytes.len() as u64 > limit_bytes {
            return Err(ImageError::TooMuch { what: "too large a document", limit: limit_bytes });
        }
        let actual = Digest::of(&bytes);
        if actual == *digest { Ok(bytes) } else { Err(ImageError::WrongDigest { expected: digest.clone(), actual }) }
    }
}
