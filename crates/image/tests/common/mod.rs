//! A store in memory, and trees.

use seaworthy_image::oci::{Description, LayerDescriptor, Written, assemble};
use seaworthy_image::{Content, Entry, Image, ImageError, Source, Tree, layer, oci};
use seaworthy_model::Digest;
use std::collections::BTreeMap;
use std::io::Read;

/// Content by its digest, in memory.
#[derive(Default)]
pub(crate) struct Memory(pub(crate) BTreeMap<Digest, Vec<u8>>);

impl Source for Memory {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError> {
        let bytes = self.0.get(digest).ok_or_else(|| ImageError::Missing { digest: digest.clone() })?;
        Ok(Box::new(bytes.as_slice()))
    }
}

impl Memory {
    pub(crate) fn put(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.0.insert(digest.clone(), bytes);
        digest
    }

    /// Keeps a tree as a layer.
    pub(crate) fn layer(&mut self, tree: &Tree) -> LayerDescriptor {
        let mut bytes = Vec::new();
        let layer = layer::write(tree, &mut bytes).unwrap();
        assert_eq!((self.put(bytes), layer.archive_bytes % 512), (layer.digest.clone(), 0));
        layer.into()
    }

    /// Keeps somebody else's archive as a layer.
    pub(crate) fn foreign(&mut self, archive: &[u8], media_type: &str, compressed: Vec<u8>) -> LayerDescriptor {
        let (size_bytes, diff_id) = (compressed.len() as u64, Digest::of(archive));
        LayerDescriptor { media_type: media_type.to_owned(), digest: self.put(compressed), size_bytes, diff_id }
    }

    /// Keeps an image of these layers.
    pub(crate) fn image(&mut self, layers: &[LayerDescriptor]) -> Image {
        let run = ["./run".to_owned()];
        let written = assemble(&Description::new("shop", "cart", &run), layers).unwrap();
        self.written(&written)
    }

    pub(crate) fn written(&mut self, written: &Written) -> Image {
        self.put(written.config.clone());
        let digest = self.put(written.manifest.clone());
        oci::image(self, &digest).unwrap()
    }
}

pub(crate) fn file(mode: u32, bytes: &[u8]) -> Entry {
    Entry::File { mode, content: Content::Bytes(bytes.into()) }
}

pub(crate) fn tree(entries: impl IntoIterator<Item = (&'static str, Entry)>) -> Tree {
    Tree { entries: entries.into_iter().map(|(path, entry)| (path.to_owned(), entry)).collect() }
}
