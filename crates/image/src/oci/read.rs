//! Reading what may come from anywhere.

use super::{CONFIG, EMPTY, INDEX, Image, LayerDescriptor, MAKER, MANIFEST, SERVICE};
use crate::limits::{DOCUMENT_BYTES_MAX, IMAGES_MAX, LAYERS_MAX};
use crate::{ImageError, Source};
use oci_spec::image::{Descriptor, ImageConfiguration, ImageIndex, ImageManifest};
use seaworthy_model::Digest;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// Docker's names for the same documents.
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";

/// A manifest or an index.
#[derive(Debug)]
pub enum Document {
    /// An image, or something that belongs to one.
    Manifest(Box<ImageManifest>),
    /// Images for several platforms.
    Index(Box<ImageIndex>),
}

/// Reads a manifest or an index.
///
/// # Errors
/// [`ImageError::Document`] when it is neither, or too large.
pub fn document(bytes: &[u8]) -> Result<Document, ImageError> {
    let wrong = |why: String| ImageError::Document { document: "image manifest", why };
    if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
        return Err(wrong(format!("it has more than {DOCUMENT_BYTES_MAX} bytes")));
    }
    let value: serde_json::Value = json("image manifest", bytes)?;
    let named = value.get("mediaType").and_then(serde_json::Value::as_str);
    let (layers, images) = (value.get("layers").is_some(), value.get("manifests").is_some());
    if layers == images {
        return Err(wrong("it is neither a manifest nor an index".to_owned()));
    }
    let fits = match named {
        None => true,
        Some(MANIFEST | DOCKER_MANIFEST) => layers,
        Some(INDEX | DOCKER_INDEX) => images,
        Some(_) => false,
    };
    if !fits {
        return Err(wrong(format!("its media type `{}` is not known", named.unwrap_or_default())));
    }
    if images {
        let index: ImageIndex = json("image index", bytes)?;
        version(index.schema_version())?;
        count(index.manifests().len(), IMAGES_MAX)?;
        return Ok(Document::Index(Box::new(index)));
    }
    let manifest: ImageManifest = json("image manifest", bytes)?;
    version(manifest.schema_version())?;
    count(manifest.layers().len(), LAYERS_MAX)?;
    Ok(Document::Manifest(Box::new(manifest)))
}

/// What a manifest needs to be whole: of an image the configuration and the layers, the lowest first; of an index the
/// manifests. What it is about (`subject`) is not among them.
///
/// # Errors
/// [`ImageError::Document`] when it is no manifest.
pub fn references(bytes: &[u8]) -> Result<Vec<Digest>, ImageError> {
    match document(bytes)? {
        Document::Manifest(manifest) => {
            let layers = manifest.layers().iter();
            std::iter::once(manifest.config()).chain(layers).map(digest).collect()
        }
        Document::Index(index) => index.manifests().iter().map(digest).collect(),
    }
}

/// Reads an image: its manifest (of an index, the one for this machine) and its configuration, checked against each
/// other.
///
/// # Errors
/// [`ImageError::Document`] when they are not what the specification says, [`ImageError::Platform`] when an index has
/// nothing for this machine, and what the source gives.
pub fn image(source: &(impl Source + ?Sized), name: &Digest) -> Result<Image, ImageError> {
    let (name, manifest) = match document(&source.bytes(name, DOCUMENT_BYTES_MAX)?)? {
        Document::Manifest(manifest) => (name.clone(), manifest),
        Document::Index(index) => {
            let chosen = digest(choose(&index)?)?;
            match document(&source.bytes(&chosen, DOCUMENT_BYTES_MAX)?)? {
                Document::Manifest(manifest) => (chosen, manifest),
                Document::Index(_) => return Err(wrong("it is an index of indexes")),
            }
        }
    };
    let media_type = manifest.config().media_type().to_string();
    if media_type != CONFIG && media_type != DOCKER_CONFIG {
        let what = if media_type == EMPTY { "it belongs to an image and is none" } else { "it is no image's" };
        return Err(wrong(what));
    }
    let config_digest = digest(manifest.config())?;
    let bytes = source.bytes(&config_digest, DOCUMENT_BYTES_MAX)?;
    if bytes.len() as u64 != manifest.config().size() {
        return Err(wrong("its configuration has another size than it says"));
    }
    let config: ImageConfiguration = json("image configuration", &bytes)?;
    let layers = layers(&manifest, &config)?;
    let platform = format!("{}/{}", config.os(), config.architecture());
    let run = config.config().clone().unwrap_or_default();
    let words = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
    let labels: BTreeMap<String, String> = run.labels().clone().unwrap_or_default().into_iter().collect();
    // Whoever builds on an image of ours inherits its labels, and tells of it in its history.
    let mut history = config.history().iter().flatten();
    let is_untouched = history.all(|line| line.created_by().as_deref() == Some(MAKER));
    Ok(Image {
        digest: name,
        config: config_digest,
        config_bytes: bytes.len() as u64,
        layers,
        run: [words(run.entrypoint()), words(run.cmd())].concat(),
        environment: words(run.env()),
        working_folder: run.working_dir().clone().filter(|folder| !folder.is_empty()),
        user: run.user().clone().filter(|user| !user.is_empty()),
        platform,
        is_ours: labels.contains_key(SERVICE) && is_untouched,
        labels,
    })
}

fn layers(manifest: &ImageManifest, config: &ImageConfiguration) -> Result<Vec<LayerDescriptor>, ImageError> {
    let diff_ids = config.rootfs().diff_ids();
    if diff_ids.len() != manifest.layers().len() {
        return Err(wrong("its manifest and its configuration have not the same number of layers"));
    }
    let both = manifest.layers().iter().zip(diff_ids);
    let layer = |(layer, diff_id): (&Descriptor, &String)| -> Result<LayerDescriptor, ImageError> {
        let layer = LayerDescriptor {
            media_type: layer.media_type().to_string(),
            digest: digest(layer)?,
            size_bytes: layer.size(),
            diff_id: Digest::try_from(diff_id.clone()).map_err(|error| wrong(&error.to_string()))?,
        };
        if layer.compressed().is_none() {
            return Err(wrong(&format!("its layers are of the unknown media type `{}`", layer.media_type)));
        }
        Ok(layer)
    };
    both.map(layer).collect()
}

/// The manifest for this machine; of several the first, as the specification says.
fn choose(index: &ImageIndex) -> Result<&Descriptor, ImageError> {
    let wanted = ("linux".to_owned(), super::architecture().to_owned());
    let mut there = Vec::new();
    for descriptor in index.manifests() {
        match descriptor.platform() {
            // Some indexes of one image say nothing of a platform.
            None if index.manifests().len() == 1 => return Ok(descriptor),
            None => {}
            Some(platform) => {
                let platform = (platform.os().to_string(), platform.architecture().to_string());
                if platform == wanted {
                    return Ok(descriptor);
                }
                there.push(format!("`{}/{}`", platform.0, platform.1));
            }
        }
    }
    let there = if there.is_empty() { "nothing".to_owned() } else { there.join(", ") };
    Err(ImageError::Platform { wanted: format!("{}/{}", wanted.0, wanted.1), there })
}

fn digest(descriptor: &Descriptor) -> Result<Digest, ImageError> {
    let text = descriptor.digest().to_string();
    Digest::try_from(text).map_err(|error| wrong(&error.to_string()))
}

fn version(version: u32) -> Result<(), ImageError> {
    if version == 2 { Ok(()) } else { Err(wrong(&format!("its schema version is {version}, not 2"))) }
}

fn count(there: usize, most: usize) -> Result<(), ImageError> {
    if there <= most { Ok(()) } else { Err(wrong(&format!("it names {there} others; the limit is {most}"))) }
}

fn json<T: DeserializeOwned>(document: &'static str, bytes: &[u8]) -> Result<T, ImageError> {
    serde_json::from_slice(bytes).map_err(|error| ImageError::Document { document, why: error.to_string() })
}

fn wrong(why: &str) -> ImageError {
    ImageError::Document { document: "image", why: why.to_owned() }
}
