//! What a stored document points at: OCI image manifests and indexes (and Docker's of the same shape), read without
//! trusting them. Everything that keeps, sends or removes images asks here.

use seaworthy_model::Digest;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The largest manifest or index, in bytes (OCI distribution specification 1.1, "Pushing Manifests").
pub const DOCUMENT_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// The most descriptors in one document.
const DESCRIPTORS_MAX: usize = 10_000;

/// An OCI image manifest.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Docker's image manifest, version 2, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's manifest list.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// Every kind of document that is understood here.
pub const DOCUMENT_TYPES: [&str; 4] = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX];

/// What a manifest or an index points at.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Links {
    /// 2 in every document of today.
    schema_version: u32,
    /// What the document says that it is.
    #[serde(default)]
    pub media_type: Option<String>,
    /// What kind of artifact a manifest is that is no image.
    #[serde(default)]
    pub artifact_type: Option<String>,
    /// The configuration of an image.
    #[serde(default)]
    pub config: Option<Descriptor>,
    /// The layers of an image, lowest first.
    #[serde(default)]
    pub layers: Vec<Descriptor>,
    /// The manifests of an index.
    #[serde(default)]
    pub manifests: Vec<Descriptor>,
    /// What this document is about: it lives as long as that does.
    #[serde(default)]
    pub subject: Option<Descriptor>,
    /// Remarks.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// A descriptor (OCI image specification 1.1, `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What it is.
    pub media_type: String,
    /// Its name.
    pub digest: Digest,
    /// How long it is.
    #[serde(rename = "size")]
    pub size_bytes: u64,
    /// Where else it may be had: such a layer need not be here.
    #[serde(default)]
    pub urls: Vec<String>,
    /// What it runs on, in an index.
    #[serde(default)]
    pub platform: Option<Platform>,
}

/// What a manifest of an index runs on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Platform {
    /// `amd64`, `arm64` and so on.
    pub architecture: String,
    /// `linux` and so on.
    pub os: String,
    /// `v8` and so on.
    #[serde(default)]
    pub variant: Option<String>,
}

/// Bytes that are no manifest and no index.
#[derive(Debug, thiserror::Error)]
pub enum NotADocument {
    /// Longer than [`DOCUMENT_BYTES_MAX`].
    #[error("it is longer than {DOCUMENT_BYTES_MAX} bytes")]
    TooLong,
    /// No JSON, or not of this shape.
    #[error("it is no JSON of an image: {0}")]
    Shape(#[from] serde_json::Error),
    /// Not version 2.
    #[error("its schema version is {0}, not 2")]
    Version(u32),
    /// More descriptors than anybody needs.
    #[error("it points at more than {DESCRIPTORS_MAX} things")]
    TooMany,
    /// Neither layers and a configuration nor manifests, or both.
    #[error("it is neither a manifest (`config`, `layers`) nor an index (`manifests`)")]
    Neither,
}

impl Links {
    /// Reads a manifest or an index.
    ///
    /// # Errors
    /// [`NotADocument`].
    pub fn read(bytes: &[u8]) -> Result<Self, NotADocument> {
        if bytes.len() as u64 > DOCUMENT_BYTES_MAX {
            return Err(NotADocument::TooLong);
        }
        let found: Self = serde_json::from_slice(bytes)?;
        if found.schema_version != 2 {
            return Err(NotADocument::Version(found.schema_version));
        }
        if found.layers.len() + found.manifests.len() > DESCRIPTORS_MAX {
            return Err(NotADocument::TooMany);
        }
        let manifest = found.config.is_some();
        let index = !found.manifests.is_empty() || found.says_index();
        // One document that is both would be two images, depending on who reads it.
        if manifest == index || (index && !found.layers.is_empty()) {
            return Err(NotADocument::Neither);
        }
        Ok(found)
    }

    /// Whether this is a list of manifests.
    #[must_use]
    pub fn is_index(&self) -> bool {
        self.config.is_none()
    }

    /// What the document is: what it says, else what its shape says.
    #[must_use]
    pub fn kind(&self) -> &str {
        let by_shape = if self.is_index() { OCI_INDEX } else { OCI_MANIFEST };
        self.media_type.as_deref().unwrap_or(by_shape)
    }

    /// Configuration and layers: what must be here before the document means anything.
    pub fn blobs(&self) -> impl Iterator<Item = &Descriptor> {
        self.config.iter().chain(&self.layers)
    }

    fn says_index(&self) -> bool {
        matches!(self.media_type.as_deref(), Some(OCI_INDEX | DOCKER_INDEX))
    }
}

/// The layers' names before they were compressed (`rootfs.diff_ids` of an image's configuration), lowest first; none
/// when these bytes are no such configuration.
#[must_use]
pub fn diff_ids(config: &[u8]) -> Vec<Digest> {
    #[derive(Deserialize)]
    struct Config {
        rootfs: RootFs,
    }
    #[derive(Deserialize)]
    struct RootFs {
        diff_ids: Vec<Digest>,
    }
    serde_json::from_slice(config).map(|config: Config| config.rootfs.diff_ids).unwrap_or_default()
}

/// The names of the folders that an image is unpacked to, by its configuration; see [`crate::unpack::roots`].
#[must_use]
pub fn root_names(config: &[u8]) -> Vec<Digest> {
    #[derive(Default, Deserialize)]
    struct Labelled {
        #[serde(default)]
        config: Labels,
        #[serde(default)]
        history: Option<Vec<Line>>,
    }
    #[derive(Default, Deserialize)]
    struct Line {
        #[serde(default)]
        created_by: Option<String>,
    }
    #[derive(Default, Deserialize)]
    struct Labels {
        #[serde(default, rename = "Labels")]
        labels: Option<BTreeMap<String, serde_json::Value>>,
    }
    let read: Labelled = serde_json::from_slice(config).unwrap_or_default();
    let is_ours_line = |line: &Line| line.created_by.as_deref() == Some(crate::oci::MAKER);
    let is_untouched = read.history.is_none_or(|history| history.iter().all(is_ours_line));
    let is_labelled = read.config.labels.is_some_and(|labels| labels.contains_key(crate::oci::SERVICE));
    let is_ours = is_labelled && is_untouched;
    crate::unpack::root_names(&diff_ids(config), is_ours)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn descriptor(of: &str) -> serde_json::Value {
        json!({ "mediaType": "application/x", "digest": Digest::of(of.as_bytes()), "size": of.len() })
    }

    fn read(document: &serde_json::Value) -> Result<Links, NotADocument> {
        Links::read(document.to_string().as_bytes())
    }

    #[test]
    fn a_manifest_points_at_its_configuration_its_layers_and_its_subject() {
        let document = json!({ "schemaVersion": 2, "config": descriptor("c"), "layers": [descriptor("a"), descriptor("b")],
            "subject": descriptor("s"), "annotations": { "k": "v" }, "later": true });
        let found = read(&document).unwrap();
        let blobs: Vec<&Digest> = found.blobs().map(|d| &d.digest).collect();
        assert_eq!(blobs, [&Digest::of(b"c"), &Digest::of(b"a"), &Digest::of(b"b")]);
        assert_eq!(found.subject.as_ref().map(|d| &d.digest), Some(&Digest::of(b"s")));
        assert_eq!((found.is_index(), found.kind()), (false, OCI_MANIFEST));
    }

    #[test]
    fn an_index_points_at_manifests_with_their_platforms() {
        let mut child = descriptor("m");
        child["platform"] = json!({ "architecture": "arm64", "os": "linux", "variant": "v8" });
        let found = read(&json!({ "schemaVersion": 2, "manifests": [child] })).unwrap();
        assert_eq!((found.is_index(), found.kind()), (true, OCI_INDEX));
        assert_eq!(found.manifests[0].platform.as_ref().unwrap().architecture, "arm64");
        let empty = read(&json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [] })).unwrap();
        assert!(empty.is_index());
    }

    #[test]
    fn what_two_readers_could_take_for_two_things_is_refused() {
        let both = json!({ "schemaVersion": 2, "config": descriptor("c"), "manifests": [descriptor("m")] });
        assert!(matches!(read(&both), Err(NotADocument::Neither)));
        let mixed = json!({ "schemaVersion": 2, "layers": [descriptor("l")], "manifests": [descriptor("m")] });
        assert!(matches!(read(&mixed), Err(NotADocument::Neither)));
        assert!(matches!(read(&json!({ "schemaVersion": 2 })), Err(NotADocument::Neither)));
        assert!(matches!(read(&json!({ "schemaVersion": 1 })), Err(NotADocument::Version(1))));
        assert!(matches!(Links::read(b"[]"), Err(NotADocument::Shape(_))));
        let long = vec![b' '; 4 * 1024 * 1024 + 1];
        assert!(matches!(Links::read(&long), Err(NotADocument::TooLong)));
    }

    #[test]
    fn a_configuration_names_its_unpacked_layers_and_anything_else_names_none() {
        let config = json!({ "rootfs": { "type": "layers", "diff_ids": [Digest::of(b"x")] } });
        assert_eq!(diff_ids(config.to_string().as_bytes()), [Digest::of(b"x")]);
        assert!(diff_ids(b"{}").is_empty());
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_odd(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Links::read(&bytes);
            let _ = diff_ids(&bytes);
        }
    }
}
