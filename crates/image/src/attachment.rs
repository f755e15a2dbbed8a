//! What belongs to an image and is not in it: a bill of materials, a provenance. Kept as OCI keeps such things, by a
//! manifest whose `subject` is the image.

use crate::ImageError;
use crate::oci::attached;
use seaworthy_model::Digest;

/// What belongs to an image, as blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// The manifest, whose digest names the whole.
    pub manifest: Vec<u8>,
    /// The content.
    pub content: Vec<u8>,
}

impl Attachment {
    /// The name of the whole: the digest of its manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }

    /// Every blob that it needs: the manifest, the empty configuration, the content.
    #[must_use]
    pub fn blobs(&self) -> [&[u8]; 3] {
        [&self.manifest, b"{}", &self.content]
    }
}

/// Attaches content of a media type to an image, which is named by the digest and the size of its manifest.
///
/// # Errors
/// [`ImageError::Document`] when the specification has no place for it.
pub fn attach(image: (&Digest, u64), media_type: &str, content: Vec<u8>) -> Result<Attachment, ImageError> {
    let manifest = attached(image, media_type, (&Digest::of(&content), content.len() as u64))?;
    Ok(Attachment { manifest, content })
}
