//! What can be reached from what is kept: images down to their layers, trees down to their files.

use crate::{Blobs, StoreError};
use seaworthy_image::links::{DOCUMENT_BYTES_MAX, Links, root_names};
use seaworthy_model::Digest;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Everything that was reached.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    /// Blobs.
    pub blobs: BTreeSet<Digest>,
    /// Unpacked layers of images, by the names of their folders.
    pub layers: BTreeSet<Digest>,
    /// Those of the blobs that are images or trees.
    pub documents: BTreeSet<Digest>,
}

impl Reach {
    /// A blob that points at nothing.
    pub(crate) fn add(&mut self, digest: Digest) {
        self.blobs.insert(digest);
    }

    /// A document, and everything that it points at. One that is not here points at nothing: whoever needs it says so.
    ///
    /// # Errors
    /// When it cannot be read, or is neither manifest, index nor tree: what it needs is not known then.
    pub(crate) fn follow(&mut self, blobs: &Blobs, root: &Digest) -> Result<(), StoreError> {
        let mut waiting = vec![root.clone()];
        let mut seen = BTreeSet::new();
        while let Some(digest) = waiting.pop() {
            // A blob that was reached as a layer may be a manifest elsewhere: `blobs` does not say what was followed.
            if !seen.insert(digest.clone()) || !blobs.contains(&digest) {
                self.blobs.insert(digest);
                continue;
            }
            match Document::read(&blobs.read(&digest)?)? {
                Document::Image(references) => {
                    self.image(blobs, &references)?;
                    waiting.extend(references.manifests.into_iter().map(|descriptor| descriptor.digest));
                }
                Document::Tree => {}
            }
            self.documents.insert(digest.clone());
            self.blobs.insert(digest);
        }
        Ok(())
    }

    fn image(&mut self, blobs: &Blobs, references: &Links) -> Result<(), StoreError> {
        self.blobs.extend(references.blobs().map(|descriptor| descriptor.digest.clone()));
        let Some(config) = &references.config else { return Ok(()) };
        if config.size_bytes <= DOCUMENT_BYTES_MAX && blobs.contains(&config.digest) {
            self.layers.extend(root_names(&blobs.read(&config.digest)?));
        }
        Ok(())
    }

    /// Everything that is about something reached (signatures, bills of materials, provenance), however often removed.
    ///
    /// # Errors
    /// When the blobs cannot be listed, or one of these cannot be read.
    pub(crate) fn follow_referrers(&mut self, blobs: &Blobs) -> Result<(), StoreError> {
        let mut about = about(blobs, &self.blobs)?;
        loop {
            let (living, others): (BTreeMap<_, _>, BTreeMap<_, _>) =
                about.into_iter().partition(|(_, subject)| self.blobs.contains(subject));
            if living.is_empty() {
                return Ok(());
            }
            for digest in living.keys() {
                self.follow(blobs, digest)?;
            }
            about = others;
        }
    }
}

/// A document that points at others.
pub(crate) enum Document {
    /// A manifest or an index.
    Image(Box<Links>),
    /// The files of a release of the first format, which nothing runs any more: they are not kept.
    Tree,
}

/// As much of it as tells it from everything else.
#[derive(Deserialize)]
struct FirstFormat {
    #[serde(rename = "entries")]
    _entries: BTreeMap<String, serde::de::IgnoredAny>,
}

impl Document {
    /// Reads one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when it is none of them.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, StoreError> {
        if let Ok(references) = Links::read(bytes) {
            return Ok(Self::Image(Box::new(references)));
        }
        let tree: Result<FirstFormat, _> = serde_json::from_slice(bytes);
        tree.map(|_| Self::Tree).map_err(|source| StoreError::Damaged { what: "image", source })
    }
}

/// The manifests that nothing reaches so far and that are about something, with what they are about.
fn about(blobs: &Blobs, reached: &BTreeSet<Digest>) -> Result<BTreeMap<Digest, Digest>, StoreError> {
    let mut about = BTreeMap::new();
    for digest in documents(blobs, |digest| !reached.contains(digest))? {
        // What was removed meanwhile, or is no manifest, is about nothing.
        let Ok(references) = blobs.read(&digest).map(|bytes| Links::read(&bytes)) else { continue };
        if let Some(subject) = references.ok().and_then(|references| references.subject) {
            about.insert(digest, subject.digest);
        }
    }
    Ok(about)
}

/// Every blob that may be a document, by its size and its first byte, of those that `wanted` says.
///
/// # Errors
/// When the blobs cannot be listed.
pub(crate) fn documents(blobs: &Blobs, wanted: impl Fn(&Digest) -> bool) -> Result<Vec<Digest>, StoreError> {
    let (folder, _) = blobs.folders();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let Ok(digest) = Digest::try_from(format!("sha256:{name}")) else { continue };
        let small = entry.metadata().is_ok_and(|metadata| metadata.len() <= DOCUMENT_BYTES_MAX);
        if small && wanted(&digest) && first_byte(&entry.path()) == Some(b'{') {
            found.push(digest);
        }
    }
    Ok(found)
}

fn first_byte(path: &Path) -> Option<u8> {
    let mut first = [0];
    File::open(path).ok()?.read_exact(&mut first).ok()?;
    Some(first[0])
}
