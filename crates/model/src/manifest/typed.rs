//! A manifest that is known to be right.

use crate::job::Job;
use crate::release::{EnvironmentSpec, RouteSpec, Stage};
use crate::service::Service;
use crate::{ImageName, Name};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A whole `seaworthy.toml`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The app's name.
    pub app: Name,
    /// The name of the environment in which hosts are as written.
    pub production: Name,
    /// Every `[services.NAME]`.
    pub services: BTreeMap<Name, ServiceSource>,
    /// Every `[routes.NAME]`.
    pub routes: BTreeMap<Name, RouteSource>,
    /// Every `[jobs.NAME]`.
    pub jobs: BTreeMap<Name, Job>,
    /// Every `[environments.NAME]`, and `dev` even if it is not written.
    pub environments: BTreeMap<Name, EnvironmentSpec>,
    /// `[gates]`.
    pub gates: crate::gate::Gates,
    /// `[debian]`.
    pub debian: DebianSource,
}

/// `[debian]`: where the Debian packages of bases come from, and what of them is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebianSource {
    /// The archive; `None`: the one that the machine's own apt knows.
    pub mirror: Option<MirrorSource>,
    /// Whether manual pages and the like are taken, too.
    pub documentation: bool,
}

/// An archive of Debian packages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorSource {
    /// Its root, `http://` or `https://`.
    pub address: String,
    /// Its suites, the main one first; never empty.
    pub suites: Vec<String>,
    /// Their components.
    pub components: Vec<String>,
    /// The root of the archive that has the main suite's security updates.
    pub security: Option<String>,
    /// The keyring that signs them, relative to the manifest's folder; `None`: those that the machine trusts.
    pub keys: Option<String>,
}

/// A service: how it is built, and how it runs. Paths use `/`, are relative and never contain `..`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceSource {
    /// Its folder, relative to the manifest's; `.` for the same.
    pub path: String,
    /// Whether its image needs that folder: somebody wrote `path`, or something that is there. What stands on a base
    /// alone, or runs an image as it is, needs none.
    pub has_folder: bool,
    /// Shell lines that build it, in order.
    pub build: Vec<String>,
    /// Shell lines that test it, in order.
    pub test: Vec<String>,
    /// What its `build` and `test` lines, or the tool that builds its Dockerfile, may reach.
    pub build_network: BuildNetwork,
    /// Where `test` leaves its report, relative to `path`.
    pub junit: Option<String>,
    /// How often `test` is tried again when it fails.
    pub retry: u32,
    /// What goes into the image, relative to `path`.
    pub files: Vec<FileSource>,
    /// An image that runs as it is, instead of `build` and `files`.
    pub image: Option<ImageName>,
    /// A Dockerfile, relative to `path`, instead of `build` and `files`.
    pub dockerfile: Option<String>,
    /// Its checks.
    pub checks: Vec<CheckSource>,
    /// The half that stands in the release.
    pub service: Service,
}

/// The network that builds and tests see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BuildNetwork {
    /// That of the machine: package managers fetch what lock files name.
    #[default]
    Machine,
    /// Their own, with nothing but `lo`.
    None,
}

/// An entry of `files`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSource {
    /// A file, a directory or a glob, relative to the service's path.
    pub from: String,
    /// Where it lands, relative to `/app`; `None`: by its base name.
    pub to: Option<String>,
}

/// An entry of `checks`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckSource {
    /// A Hurl file or a glob, relative to the service's path (of a route: to the manifest's folder).
    pub glob: String,
    /// See [`crate::release::Check::runs`].
    pub runs: Option<Vec<Stage>>,
    /// See [`crate::release::Check::every`].
    pub every: Option<Duration>,
}

/// A route: its half of the release, without the checks, which have to be collected first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteSource {
    /// As it will stand in the release; its `checks` are empty.
    pub route: RouteSpec,
    /// Its checks.
    pub checks: Vec<CheckSource>,
}
