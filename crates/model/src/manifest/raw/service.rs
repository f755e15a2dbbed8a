//! `[services.NAME]`.

use super::{BuildNetwork, CheckEntry, OneOrMany, Protocol, SettingType, Update};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A program of the app: how it is built, tested, run and checked, and what it may call.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct Service {
    /// Its folder, relative to this file. Default: a folder with the service's name, if anything of it is needed.
    pub path: Option<String>,
    /// The team that owns it. Calls between teams need the callee's `callers`.
    pub team: Option<String>,
    /// Shell lines that build it, run in `path`.
    pub build: Option<OneOrMany>,
    /// Shell lines that test it, run in `path`. A failure stops the release.
    pub test: Option<OneOrMany>,
    /// What `build` and `test` may reach: `machine` for whatever the machine does, `none` for nothing but their own
    /// loopback. Default: `machine`.
    pub build_network: Option<BuildNetwork>,
    /// Where `test` leaves its JUnit report, relative to `path`; a glob where there are several.
    pub junit: Option<String>,
    /// How often `test` is tried again when it fails; each time is counted and shown. Default: 0.
    #[schemars(range(max = 3))]
    pub retry: Option<u8>,
    /// What goes into the image, relative to `path`: a file lands in `/app` by its base name, a directory
    /// keeps its name.
    pub files: Vec<FileEntry>,
    /// What the files are put on: `"scratch"`, a list of Debian packages, or an image: `"registry/name:tag"`, whose
    /// digest is locked, or `"registry/name@sha256:…"`.
    pub base: Option<OneOrMany>,
    /// An image that runs as it is, with its registry: no `build`, no `files`. The digest of a tag is locked.
    pub image: Option<String>,
    /// A Dockerfile, relative to `path`, instead of `build` and `files`: `buildah`, `podman` or `docker` builds it.
    pub dockerfile: Option<String>,
    /// The program and its arguments, without a shell. Default of an image or a Dockerfile: what the image says.
    pub run: Option<Vec<String>>,
    /// One argument list, or several: run in the new release's image before anything of it starts. Must be repeatable.
    pub before: Option<Before>,
    /// False when the previous release does not work any more once `before` ran. Default: true.
    pub reversible: Option<bool>,
    /// The port that it listens on, or `false` for a worker. Default: the one given in `PORT`.
    pub port: Option<Port>,
    /// What its connections carry. Default: `http`.
    pub protocol: Option<Protocol>,
    /// The path that answers 200 to 399 when it is healthy. Default: it accepts a connection (a worker: it is alive).
    pub health: Option<String>,
    /// How a new version takes over from the old one. Default: `beside`.
    pub update: Option<Update>,
    /// Services that it may call.
    pub calls: Vec<String>,
    /// Services of other teams that may call it.
    pub callers: Vec<String>,
    /// Destinations outside that it may reach, as `host:port`.
    pub egress: Vec<EgressEntry>,
    /// Folders that outlive releases: name to the absolute path where the program expects it.
    pub volumes: BTreeMap<String, String>,
    /// Paths below `/app` (of other images: below the folder in which they start) that it may write.
    pub writable: Vec<String>,
    /// Its settings: environment variables.
    pub env: BTreeMap<String, Setting>,
    /// Hurl files: globs, relative to `path`.
    pub checks: Vec<CheckEntry>,
    /// How many instances run. Default: 1.
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<u16>,
    /// How much memory one instance may use, such as `256MB` or `1GiB`.
    pub memory: Option<String>,
    /// How many CPU cores one instance may use, such as `0.5`.
    pub cpu: Option<f64>,
    /// How long it must stay healthy before it counts as healthy. Default: `2s`.
    pub healthy_for: Option<String>,
    /// How long it may take from start to healthy. Default: `60s`.
    pub start_timeout: Option<String>,
    /// From SIGTERM to SIGKILL. Default: `10s`.
    pub grace: Option<String>,
    /// How long requests in flight may take after traffic moved on. Default: `30s`.
    pub drain: Option<String>,
    /// How long requests are held while an `update = "replace"` service changes over. Default: `30s`.
    pub hold: Option<String>,
}

/// One argument list or a list of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::manifest) enum Before {
    One(Vec<String>),
    Many(Vec<Vec<String>>),
}

/// A number, or `false`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::manifest) enum Port {
    Number(#[schemars(range(min = 1))] u16),
    Worker(#[schemars(extend("const" = false))] bool),
}

/// An entry of `files`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::manifest) enum FileEntry {
    From(String),
    FromTo(FromTo),
}

/// A file or directory, and where it lands.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["from", "to"]))]
pub(in crate::manifest) struct FromTo {
    /// The file, directory or glob, relative to the service's `path`.
    pub from: Option<String>,
    /// Where it lands, relative to `/app`.
    pub to: Option<String>,
}

/// An entry of `egress`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::manifest) enum EgressEntry {
    To(String),
    Full(Egress),
}

/// A destination outside, with what is allowed beyond the ordinary.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["to"]))]
pub(in crate::manifest) struct Egress {
    /// The destination, as `host:port`.
    pub to: Option<String>,
    /// It may resolve to a private address range.
    pub private: Option<bool>,
    /// It may resolve to this machine itself.
    pub node: Option<bool>,
}

/// A setting: a value, or where it comes from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(in crate::manifest) enum Setting {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Source(SettingSource),
}

/// A setting without a value here: every environment must give one, or a secret does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct SettingSource {
    /// Every environment must give a value.
    pub required: Option<bool>,
    /// The type that the value must have. Default: `string`.
    pub r#type: Option<SettingType>,
    /// The name of the secret that holds the value.
    pub secret: Option<String>,
}
