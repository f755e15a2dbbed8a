//! Documents of the OCI image specification 1.1: written in one way, read strictly.

mod read;
mod write;

use crate::decode::Compressed;
use seaworthy_model::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use read::{Document, document, image, references};
pub use write::{Written, assemble};
pub(crate) use write::{attached, canonical, descriptor};

/// `application/vnd.oci.image.manifest.v1+json`.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// `application/vnd.oci.image.index.v1+json`.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// `application/vnd.oci.image.config.v1+json`.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// `application/vnd.oci.image.layer.v1.tar+gzip`.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// `application/vnd.oci.empty.v1+json`: the configuration of what is no image.
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";

/// Where a service's files lie in its image.
pub const APP: &str = "app";
/// The label that names the service of an image that was made here.
pub const SERVICE: &str = "seaworthy.service";
/// What made every layer of an image of ours, as its history says.
pub(crate) const MAKER: &str = "seaworthy";
/// The search path of every image and every instance.
pub const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The user that other tools run an image as: nobody's, never root. Seaworthy gives every service a user of its own.
pub const USER: &str = "65532:65532";

/// A layer of an image, as a manifest and a configuration together describe it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LayerDescriptor {
    /// Its media type.
    pub media_type: String,
    /// The digest of its bytes as they are kept.
    pub digest: Digest,
    /// Their number.
    pub size_bytes: u64,
    /// The digest of the archive itself.
    pub diff_id: Digest,
}

impl LayerDescriptor {
    /// How it is compressed; `None` for a media type that is not known.
    #[must_use]
    pub fn compressed(&self) -> Option<Compressed> {
        Compressed::of(&self.media_type)
    }
}

impl From<crate::Layer> for LayerDescriptor {
    fn from(layer: crate::Layer) -> Self {
        let crate::Layer { digest, diff_id, size_bytes, .. } = layer;
        Self { media_type: LAYER.to_owned(), digest, size_bytes, diff_id }
    }
}

/// What an image is to be, besides its layers. Nothing in it may come from a clock, a machine or a commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// `linux`.
    pub os: String,
    /// As Go names it: `amd64`, `arm64`.
    pub architecture: String,
    /// The argument list that starts it.
    pub run: Vec<String>,
    /// Variables as `NAME=value`: those of what it stands on. Without a `PATH` among them it gets [`PATH`].
    #[serde(default)]
    pub environment: Vec<String>,
    /// Labels, by name.
    pub labels: BTreeMap<String, String>,
}

impl Description {
    /// For this machine, started by `run`, labelled with whose it is.
    #[must_use]
    pub fn new(app: &str, service: &str, run: &[String]) -> Self {
        let labels = [("org.opencontainers.image.title", service), ("seaworthy.app", app), (SERVICE, service)];
        let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            os: "linux".to_owned(),
            architecture: architecture().to_owned(),
            run: run.to_owned(),
            environment: Vec::new(),
            labels: labels.into(),
        }
    }
}

/// This machine's architecture, as Go and so the OCI image specification name it.
#[must_use]
pub fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        other => other,
    }
}

/// An image that was read: its documents, checked against each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The manifest's digest: the image's name. Of an index, that of the manifest that was chosen.
    pub digest: Digest,
    /// The configuration's digest.
    pub config: Digest,
    /// The configuration's size.
    pub config_bytes: u64,
    /// The layers, the lowest first.
    pub layers: Vec<LayerDescriptor>,
    /// What starts it: its entry point and then its command.
    pub run: Vec<String>,
    /// Its environment, as `NAME=value`.
    pub environment: Vec<String>,
    /// Its working folder, if it names one.
    pub working_folder: Option<String>,
    /// Its user, if it names one.
    pub user: Option<String>,
    /// `linux/amd64` and the like.
    pub platform: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Whether it was made here: its last layer holds a service's own files, and removes nothing.
    pub is_ours: bool,
}
