//! Images as documents. Maps are sorted, nothing is indented: the same image has the same bytes.

use super::{APP, CONFIG, Description, EMPTY, LayerDescriptor, MAKER, MANIFEST, PATH, USER};
use crate::ImageError;
use oci_spec::image::{
    ConfigBuilder, Descriptor, DescriptorBuilder, HistoryBuilder, ImageConfigurationBuilder, ImageManifest,
    ImageManifestBuilder, MediaType, RootFsBuilder, SCHEMA_VERSION, Sha256Digest,
};
use seaworthy_model::Digest;
use serde::Serialize;
use std::str::FromStr as _;

/// The documents of an image that is to be kept: two blobs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The configuration that it names.
    pub config: Vec<u8>,
}

impl Written {
    /// The image's name: the digest of its manifest.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.manifest)
    }
}

/// The manifest and configuration of an image of these layers, the lowest first.
///
/// # Errors
/// [`ImageError::Document`] when the specification has no place for what is asked.
pub fn assemble(description: &Description, layers: &[LayerDescriptor]) -> Result<Written, ImageError> {
    let mut environment = description.environment.clone();
    if !environment.iter().any(|variable| variable.starts_with("PATH=")) {
        environment.insert(0, format!("PATH={PATH}"));
    }
    let run = ConfigBuilder::default()
        .user(USER)
        .env(environment)
        .entrypoint(description.run.clone())
        .working_dir(format!("/{APP}"))
        .labels(description.labels.clone().into_iter().collect::<std::collections::HashMap<_, _>>())
        .build()
        .map_err(|error| wrong("image configuration", &error))?;
    let roots = RootFsBuilder::default()
        .typ("layers")
        .diff_ids(layers.iter().map(|layer| layer.diff_id.to_string()).collect::<Vec<_>>())
        .build()
        .map_err(|error| wrong("image configuration", &error))?;
    // Without a line for each layer, buildah and podman refuse to build on the image.
    let line =
        HistoryBuilder::default().created_by(MAKER).build().map_err(|error| wrong("image configuration", &error))?;
    let history = vec![line; layers.len()];
    let config = ImageConfigurationBuilder::default()
        .architecture(description.architecture.as_str())
        .os(description.os.as_str())
        .config(run)
        .rootfs(roots)
        .history(history)
        .build()
        .map_err(|error| wrong("image configuration", &error))?;
    let config = canonical(&config)?;
    let described = |layer: &LayerDescriptor| descriptor(&layer.media_type, &layer.digest, layer.size_bytes);
    let manifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::from(MANIFEST))
        .config(descriptor(CONFIG, &Digest::of(&config), config.len() as u64)?)
        .layers(layers.iter().map(described).collect::<Result<Vec<_>, _>>()?)
        .build()
        .map_err(|error| wrong("image manifest", &error))?;
    Ok(Written { manifest: canonical(&manifest)?, config })
}

/// The manifest of something that belongs to an image: one blob of a media type of its own.
pub(crate) fn attached(
    subject: (&Digest, u64),
    artifact_type: &str,
    content: (&Digest, u64),
) -> Result<Vec<u8>, ImageError> {
    let manifest: ImageManifest = ImageManifestBuilder::default()
        .schema_version(SCHEMA_VERSION)
        .media_type(MediaType::from(MANIFEST))
        .artifact_type(MediaType::from(artifact_type))
        .config(descriptor(EMPTY, &Digest::of(b"{}"), 2)?)
        .layers(vec![descriptor(artifact_type, content.0, content.1)?])
        .subject(descriptor(MANIFEST, subject.0, subject.1)?)
        .build()
        .map_err(|error| wrong("image manifest", &error))?;
    canonical(&manifest)
}

pub(crate) fn descriptor(media_type: &str, digest: &Digest, size_bytes: u64) -> Result<Descriptor, ImageError> {
    let hash = Sha256Digest::from_str(digest.hex()).map_err(|error| wrong("descriptor", &error))?;
    DescriptorBuilder::default()
        .media_type(MediaType::from(media_type))
        .digest(hash)
        .size(size_bytes)
        .build()
        .map_err(|error| wrong("descriptor", &error))
}

fn wrong(document: &'static str, error: &dyn std::error::Error) -> ImageError {
    ImageError::Document { document, why: error.to_string() }
}

/// JSON whose objects are sorted by name, without spaces.
pub(crate) fn canonical<T: Serialize>(document: &T) -> Result<Vec<u8>, ImageError> {
    let wrong = |error: serde_json::Error| wrong("document", &error);
    let mut value = serde_json::to_value(document).map_err(wrong)?;
    value.sort_all_objects();
    serde_json::to_vec(&value).map_err(wrong)
}
