//! What `docker save` writes, as an OCI layout. Since version 25 it is one already; before, it was Docker's own: a list
//! of images (`manifest.json`), each with a configuration and layers that are not compressed.

use crate::gzip::Gzip;
use crate::hashed::Hashed;
use crate::layer::LEVEL;
use crate::limits::DOCUMENT_BYTES_MAX;
use crate::oci::{self, CONFIG, LAYER, MANIFEST, canonical};
use crate::{ImageError, layout};
use oci_spec::image::{Descriptor, ImageManifestBuilder, MediaType, SCHEMA_VERSION};
use seaworthy_host::files::{self, FileError};
use seaworthy_model::Digest;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use tar::{Archive, EntryType};

/// How many entries such an archive may have.
const ENTRIES_MAX: usize = 10_000;

/// An image of `manifest.json`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    layers: Vec<String>,
}

/// What the entries of an archive are: content by name, and other names for it.
#[derive(Default)]
struct Entries {
    content: BTreeMap<String, (Digest, u64)>,
    links: BTreeMap<String, String>,
}

/// Writes the one image of an archive into a folder, which is made, as a layout.
///
/// # Errors
/// [`ImageError::Document`] when it is no such archive, or holds several images; and what reading and writing can give.
pub fn from_docker(archive: &Path, to: &Path) -> Result<(), ImageError> {
    let blobs = to.join("blobs/sha256");
    files::create_directory(&blobs, 0o755)?;
    let file = File::open(archive).map_err(|error| FileError::new("read", archive, error))?;
    let entries = unpack(BufReader::new(file), &blobs)?;
    if let Some((index, _)) = entries.content.get("index.json") {
        let path = blobs.join(index.hex());
        files::write_atomic(&to.join("index.json"), &read(&path)?, 0o644)?;
        return Ok(());
    }
    let (list, _) = entries.content.get("manifest.json").ok_or_else(|| wrong("it holds no `manifest.json`"))?;
    let list: Vec<Saved> =
        serde_json::from_slice(&read(&blobs.join(list.hex()))?).map_err(|error| wrong(&error.to_string()))?;
    let [saved] = list.as_slice() else { return Err(wrong("it does not hold exactly one image")) };
    let layers = saved.layers.iter().map(|name| compress(&blobs, &entries.find(name)?.0));
    let layers: Vec<Descriptor> = layers.collect::<Result<_, _>>()?;
    let (config, size_bytes) = entries.find(&saved.config)?;
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::from(MANIFEST))
        .config(oci::descriptor(CONFIG, config, *size_bytes)?)
        .layers(layers)
        .build()
        .map_err(|error| wrong(&error.to_string()))?;
    let manifest = canonical(&manifest)?;
    let name = Digest::of(&manifest);
    files::write_atomic(&blobs.join(name.hex()), &manifest, 0o644)?;
    let index = layout::index(&name, manifest.len() as u64, "image")?;
    Ok(files::write_atomic(&to.join("index.json"), &index, 0o644)?)
}

impl Entries {
    fn find(&self, name: &str) -> Result<&(Digest, u64), ImageError> {
        // A layer that is there twice is a link the second time.
        let name = self.links.get(name).map_or(name, String::as_str);
        self.content.get(name).ok_or_else(|| wrong(&format!("`{name}` is not in it")))
    }
}

/// Puts the content of every file where a layout has it.
fn unpack(bytes: impl Read, blobs: &Path) -> Result<Entries, ImageError> {
    let damaged = |error: io::Error| wrong(&format!("it is damaged: {error}"));
    let mut entries = Entries::default();
    for (number, entry) in Archive::new(bytes).entries().map_err(damaged)?.enumerate() {
        let mut entry = entry.map_err(damaged)?;
        if number >= ENTRIES_MAX {
            return Err(ImageError::TooMuch { what: "too many entries", limit: ENTRIES_MAX as u64 });
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).trim_start_matches("./").to_owned();
        match entry.header().entry_type() {
            EntryType::Regular => drop(entries.content.insert(name, keep(&mut entry, blobs)?)),
            EntryType::Symlink | EntryType::Link => {
                let to = entry.link_name_bytes().map(|to| String::from_utf8_lossy(&to).into_owned());
                let to = to.unwrap_or_default();
                // `../ID/layer.tar`, or a path in the archive.
                entries.links.insert(name, to.trim_start_matches("../").to_owned());
            }
            _ => {}
        }
    }
    Ok(entries)
}

/// Writes some content under its own name.
fn keep(content: &mut dyn Read, blobs: &Path) -> Result<(Digest, u64), ImageError> {
    let draft = blobs.join("draft");
    let failed = |error| FileError::new("write", &draft, error);
    let mut file = Hashed::new(File::create(&draft).map_err(failed)?);
    io::copy(content, &mut file).map_err(failed)?;
    let (_, digest, size_bytes) = file.finish();
    std::fs::rename(&draft, blobs.join(digest.hex())).map_err(failed)?;
    Ok((digest, size_bytes))
}

/// The layer with this diff id, compressed; the archive itself goes.
fn compress(blobs: &Path, diff_id: &Digest) -> Result<Descriptor, ImageError> {
    let failed = |error| ImageError::stream("compress a layer")(error);
    let (path, draft) = (blobs.join(diff_id.hex()), blobs.join("draft"));
    let mut from = File::open(&path).map_err(|error| FileError::new("read", &path, error))?;
    let to = File::create(&draft).map_err(|error| FileError::new("write", &draft, error))?;
    let mut gzip = Gzip::new(Hashed::new(to), LEVEL).map_err(failed)?;
    io::copy(&mut from, &mut gzip).map_err(failed)?;
    let (_, digest, size_bytes) = gzip.finish().map_err(failed)?.finish();
    std::fs::rename(&draft, blobs.join(digest.hex())).map_err(failed)?;
    oci::descriptor(LAYER, &digest, size_bytes)
}

fn read(path: &Path) -> Result<Vec<u8>, ImageError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| FileError::new("read", path, error))?;
    file.take(DOCUMENT_BYTES_MAX).read_to_end(&mut bytes).map_err(ImageError::stream("read an archive"))?;
    Ok(bytes)
}

fn wrong(why: &str) -> ImageError {
    ImageError::Document { document: "archive of `docker save`", why: why.to_owned() }
}
