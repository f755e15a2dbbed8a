//! Values with `${…}` in them, such as `"${payment-provider.url}"`.

use crate::Name;
use serde::{Deserialize, Serialize};

/// A setting's value: literal text and references, in order. Parsed once, when the manifest is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Template {
    /// The parts, to be joined without anything between them.
    pub parts: Vec<Part>,
}

/// One part of a [`Template`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// Text that stands for itself (`$${` has become `${`).
    Literal(String),
    /// `${S.url}`: where this service reaches service `S`: `http://HOST:PORT` (for `protocol = "tcp"`: `tcp://HOST:PORT`).
    Url(Name),
    /// `${S.host}`.
    Host(Name),
    /// `${S.port}`.
    Port(Name),
    /// `${volumes.V}`: the volume's path as the program sees it.
    Volume(Name),
    /// `${env.NAME}`: another setting of the same service.
    Setting(String),
    /// `${release}`: the release's short name.
    Release,
    /// `${environment}`.
    Environment,
}
