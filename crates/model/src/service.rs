//! How a service runs: everything about it that does not depend on the environment.

use crate::Name;
use crate::template::Template;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The runtime half of `[services.NAME]`, as it stands in a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// The program and its arguments; no shell. `run[0]` is looked up in the image's `/app`, then in the fixed PATH.
    pub run: Vec<String>,
    /// Commands that run, in order, in the new release's image before anything of it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<Vec<String>>,
    /// False when a previous release does not work after `before` ran: then nothing returns automatically.
    pub reversible: bool,
    /// What its image stands on; `None`: the machine that builds it (not enforced without a sandbox).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// Where it listens.
    pub port: Port,
    /// What its connections carry.
    pub protocol: Protocol,
    /// How one instance is found healthy.
    pub health: Health,
    /// How a new version takes over from the old one.
    pub update: Update,
    /// Services that it may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Name>,
    /// Services of other teams that may call it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callers: Vec<Name>,
    /// Destinations outside that it may reach (declared, not enforced without a sandbox).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<Egress>,
    /// Volume name to the path where the program expects it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub volumes: BTreeMap<Name, String>,
    /// Paths that it may write, below the folder in which it starts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writable: Vec<String>,
    /// The team that owns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub team: Option<Name>,
    /// Settings, by the name of the environment variable.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Setting>,
    /// The service's own numbers and times; an environment may override each.
    pub tuning: Tuning,
}

/// What the files of a service are put on top of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Base {
    /// Nothing.
    Scratch,
    /// Debian packages.
    Packages(Vec<String>),
    /// An image, by its name: `registry/name:tag` (its digest is locked) or `registry/name@sha256:…`.
    Image(String),
}

/// Where a service listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Port {
    /// On the number that it is given in `PORT`.
    Given,
    /// On this number, whatever it is told.
    Fixed(u16),
    /// Nowhere: a worker.
    None,
}

/// What the connections of a service carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// HTTP/1.1 (RFC 9112).
    Http,
    /// Bytes, forwarded as they are.
    Tcp,
}

/// How one instance is found healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Health {
    /// `GET` of this path answers 200 to 399.
    Path(String),
    /// A TCP connection is accepted.
    Connect,
    /// The process is there.
    Alive,
}

/// How a new version takes over from the old one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Update {
    /// New instances start beside the old ones.
    Beside,
    /// Requests are held, the old instance stops, the new one starts.
    Replace,
}

/// A destination outside (`egress`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Egress {
    /// `host:port`; the host may start with `*.`.
    pub to: String,
    /// Private address ranges are allowed.
    pub private: bool,
    /// This machine itself is allowed.
    pub node: bool,
}

/// One setting of a service, before an environment's own value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Setting {
    /// A value that every environment gets unless it has one of its own.
    Value(Template),
    /// No value: an environment must have one, of this type.
    Required(SettingType),
    /// The name of a secret.
    Secret(String),
}

/// The type that a required setting's value must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SettingType {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// An absolute URL.
    Url,
    /// A duration such as `500ms` or `2m`.
    Duration,
}

/// The numbers and times of a service that an environment may override; absent means the default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// How long it must stay healthy before it counts as healthy. Default 2 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_for: Option<Duration>,
    /// How long it may take from start to healthy. Default 60 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<Duration>,
    /// From SIGTERM to SIGKILL. Default 10 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace: Option<Duration>,
    /// How long requests in flight may take after the shift. Default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain: Option<Duration>,
    /// How long requests are held while a `replace` service changes over. Default 30 s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Duration>,
    /// How many instances. Default 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replicas: Option<u16>,
    /// Bytes of memory for one instance (not enforced without a sandbox).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Thousandths of a CPU core for one instance (not enforced without a sandbox).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu_millis: Option<u32>,
}

impl SettingType {
    /// The word for it in a manifest.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Boolean => "boolean",
            Self::Url => "url",
            Self::Duration => "duration",
        }
    }

    /// As a message calls a value of it.
    #[must_use]
    pub fn with_article(self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Integer => "an integer",
            Self::Boolean => "`true` or `false`",
            Self::Url => "an absolute URL",
            Self::Duration => "a duration such as `500ms` or `2m`",
        }
    }

    /// Whether a value is of this type.
    #[must_use]
    pub fn accepts(self, text: &str) -> bool {
        match self {
            Self::String => true,
            Self::Integer => text.parse::<i64>().is_ok(),
            Self::Boolean => matches!(text, "true" | "false"),
            Self::Url => is_absolute_url(text),
            Self::Duration => crate::units::parse_duration(text).is_ok(),
        }
    }
}

/// A scheme (RFC 3986, section 3.1), `://` and something after it without spaces.
fn is_absolute_url(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, rest)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
            && !rest.is_empty()
            && !text.contains(|c: char| c.is_whitespace() || c.is_control())
    })
}
