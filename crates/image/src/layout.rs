//! An image as an OCI image layout: a folder, or a tar archive of one, that other tools read.

use crate::hashed::Hashed;
use crate::oci::{self, Document, MANIFEST, canonical};
use crate::tree::{Content, Entry, Tree};
use crate::{ImageError, Source, layer, limits::DOCUMENT_BYTES_MAX};
use oci_spec::image::{ImageIndexBuilder, MediaType, SCHEMA_VERSION};
use seaworthy_host::files::{self, FileError};
use seaworthy_model::Digest;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

pub use crate::docker_archive::from_docker;

/// The name under which a tool finds an image in a layout.
const REFERENCE: &str = "org.opencontainers.image.ref.name";

/// Writes an image as a layout into a folder that is there and is empty; `reference` is the name that it has in it.
/// `index.json` comes last, so that a layout that was cut off is none.
///
/// # Errors
/// When something of the image is missing or damaged, or the folder cannot be written.
pub fn folder(source: &dyn Source, image: &Digest, reference: &str, to: &Path) -> Result<(), ImageError> {
    let blobs = to.join("blobs/sha256");
    files::create_directory(&blobs, 0o755)?;
    let manifest = source.bytes(image, DOCUMENT_BYTES_MAX)?;
    if let Document::Index(_) = oci::document(&manifest)? {
        return Err(ImageError::Document { document: "image", why: "it is an index of several".to_owned() });
    }
    for digest in oci::references(&manifest)?.iter().chain([image]) {
        let path = blobs.join(digest.hex());
        let wrong = |error| FileError::new("write", &path, error);
        let mut copied = Hashed::new(source.open(digest)?);
        let mut file = File::create(&path).map_err(wrong)?;
        io::copy(&mut copied, &mut file).and_then(|_| file.sync_all()).map_err(wrong)?;
        let (_, actual, _) = copied.finish();
        if actual != *digest {
            return Err(ImageError::WrongDigest { expected: digest.clone(), actual });
        }
        files::set_mode(&path, 0o644)?;
    }
    files::write_atomic(&to.join("oci-layout"), br#"{"imageLayoutVersion":"1.0.0"}"#, 0o644)?;
    files::write_atomic(&to.join("index.json"), &index(image, manifest.len() as u64, reference)?, 0o644)?;
    Ok(())
}

/// Writes a layout that lies in a folder as a tar archive, in the dialect of layers.
///
/// # Errors
/// When the folder cannot be read or the archive not written.
pub fn archive(folder: &Path, out: impl Write) -> Result<(), ImageError> {
    let mut tree = Tree::default();
    let mut add = |path: String| {
        let content = Content::Path(folder.join(&path));
        tree.entries.insert(path, Entry::File { mode: 0o644, content });
    };
    add("index.json".to_owned());
    add("oci-layout".to_owned());
    let blobs = folder.join("blobs/sha256");
    for entry in std::fs::read_dir(&blobs).map_err(|error| FileError::new("read", &blobs, error))? {
        let entry = entry.map_err(|error| FileError::new("read", &blobs, error))?;
        add(format!("blobs/sha256/{}", entry.file_name().to_string_lossy()));
    }
    layer::archive(&tree, out).map(drop)
}

/// A layout that another tool wrote into a folder.
#[derive(Debug)]
pub struct Layout<'a> {
    folder: &'a Path,
}

impl<'a> Layout<'a> {
    /// The layout in a folder, and the one image that it holds.
    ///
    /// # Errors
    /// [`ImageError::Document`] when it holds none, or several.
    pub fn open(folder: &'a Path) -> Result<(Self, Digest), ImageError> {
        let wrong = |why: String| ImageError::Document { document: "image index", why };
        let path = folder.join("index.json");
        let file = File::open(&path).map_err(|error| FileError::new("read", &path, error))?;
        let mut bytes = Vec::new();
        file.take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(ImageError::stream("read an index"))?;
        let Document::Index(index) = oci::document(&bytes)? else {
            return Err(wrong("it is a manifest".to_owned()));
        };
        match index.manifests().as_slice() {
            [one] => {
                let digest = Digest::try_from(one.digest().to_string()).map_err(|error| wrong(error.to_string()))?;
                Ok((Self { folder }, digest))
            }
            several => Err(wrong(format!("it names {} images, not one", several.len()))),
        }
    }
}

impl Layout<'_> {
    /// Writes some content.
    ///
    /// # Errors
    /// When it is not here, or cannot be read or written.
    pub fn copy(&self, digest: &Digest, mut out: impl Write) -> Result<(), ImageError> {
        io::copy(&mut self.open(digest)?, &mut out).map_err(ImageError::stream("copy an image"))?;
        Ok(())
    }
}

impl Source for Layout<'_> {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + '_>, ImageError> {
        let path = self.folder.join("blobs/sha256").join(digest.hex());
        match File::open(&path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(ImageError::Missing { digest: digest.clone() })
            }
            Err(error) => Err(FileError::new("read", &path, error).into()),
        }
    }
}

pub(crate) fn index(image: &Digest, size_bytes: u64, reference: &str) -> Result<Vec<u8>, ImageError> {
    let wrong =
        |error: &dyn std::error::Error| ImageError::Document { document: "image index", why: error.to_string() };
    let mut descriptor = oci::descriptor(MANIFEST, image, size_bytes)?;
    descriptor.set_annotations(Some(HashMap::from([(REFERENCE.to_owned(), reference.to_owned())])));
    let index = ImageIndexBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::from(oci::INDEX))
        .manifests(vec![descriptor])
        .build()
        .map_err(|error| wrong(&error))?;
    canonical(&index)
}
