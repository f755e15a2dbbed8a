//! What building makes: releases, and the values of environments that travel beside them.

use crate::follow::{Follow, Forge, Notify, Repository};
use crate::job::Job;
use crate::service::{Service, Setting, Tuning};
use crate::{Digest, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// The version of the release format that this program writes and runs. Version 1 named trees of files, not images.
pub const RELEASE_FORMAT: u32 = 2;

/// The immutable result of building an app. Its name is the [`Digest`] of its JSON; commit, time and place of the
/// build are in [`Provenance`], and what differs between environments is in [`EnvironmentSpec`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// [`RELEASE_FORMAT`].
    pub format: u32,
    /// The app's name.
    pub app: Name,
    /// Every service with its image.
    pub services: BTreeMap<Name, ServiceRelease>,
    /// Every route.
    #[serde(default)]
    pub routes: BTreeMap<Name, RouteSpec>,
    /// Every command that runs by the clock.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<Name, Job>,
}

/// A service of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceRelease {
    /// The digest of its OCI image manifest.
    pub image: Digest,
    /// How it runs.
    pub service: Service,
    /// Its own checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Where the image comes from if it was not made of `files`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// An image that somebody else's tools made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// It runs as it was found: its name, with the digest that it had.
    Image(String),
    /// It was built from this Dockerfile, and cannot be built again byte for byte.
    Dockerfile(String),
}

/// One Hurl file of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its path in the source, for messages.
    pub file: String,
    /// The blob with its text.
    pub digest: Digest,
    /// The HTTP methods that it uses, in upper case, sorted.
    pub methods: Vec<String>,
    /// Where the manifest says that it runs; `None`: everywhere if all its methods are GET, HEAD or OPTIONS, else only
    /// as a functional test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runs: Option<Vec<Stage>>,
    /// How often it runs as a monitor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<Duration>,
}

/// The lives of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// In CI, against an environment that is thrown away.
    Functional,
    /// In a deployment, before users arrive.
    Smoke,
    /// In production, again and again.
    Monitor,
}

impl Check {
    /// Whether this check belongs to a stage (DESIGN section 8: only harmless methods outside throwaway environments,
    /// unless the manifest says otherwise).
    #[must_use]
    pub fn runs_in(&self, stage: Stage) -> bool {
        match &self.runs {
            Some(stages) => stages.contains(&stage),
            None => self.is_harmless() || stage == Stage::Functional,
        }
    }

    /// Whether it uses safe methods alone (RFC 9110 section 9.2.1, less TRACE).
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.methods.iter().all(|method| matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS"))
    }
}

/// A `[routes.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteSpec {
    /// The host in production; elsewhere `ENV.HOST` unless the environment says otherwise.
    pub host: String,
    /// The path and everything below it; `/` for all.
    pub path: String,
    /// Who answers.
    pub to: RouteTo,
    /// The cookie that pins a user to a release, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky: Option<String>,
    /// Limits of this route; absent ones are the gateway's defaults.
    #[serde(default)]
    pub limits: RouteLimits,
    /// The route's own checks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
}

/// Who answers a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RouteTo {
    /// One service.
    Service(Name),
    /// Several at once.
    Fanout(Fanout),
}

/// A request fanned out to several services and their answers fanned in (DESIGN section 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fanout {
    /// The services, in the declared order.
    pub services: Vec<Name>,
    /// How their answers become one.
    pub answer: Answer,
    /// How long the whole may take.
    pub deadline: Duration,
    /// What makes two answers the same.
    pub compare: Compare,
    /// The methods that fan out; others are answered 405.
    pub methods: Vec<String>,
}

/// How several answers become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The first success.
    First,
    /// What a majority of the declared services says.
    Quorum,
    /// One JSON document with all of them.
    All,
}

/// What makes two answers the same (the status always counts).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// Status and body, byte for byte.
    Body,
    /// Status and body as JSON values.
    Json,
    /// The status alone.
    Status,
}

/// Limits of a route.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RouteLimits {
    /// The largest request body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body_bytes_max: Option<u64>,
    /// How long a request may take until its answer's head is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Duration>,
}

/// An `[environments.NAME]` of the manifest at the release's commit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnvironmentSpec {
    /// True for the environment that the manifest names as `production`.
    pub production: bool,
    /// Instances of every service that says nothing else.
    pub replicas: Option<u16>,
    /// Percentages of the steps in which traffic shifts, ascending, the last one 100.
    pub shift: Option<Vec<u8>>,
    /// How long each step lasts.
    pub shift_every: Option<Duration>,
    /// How long the old release stays warm.
    pub bake: Option<Duration>,
    /// `none` or `sandbox`; `None`: the best that the machine gives.
    pub isolation: Option<String>,
    /// `local` (default) or `kubernetes`.
    pub target: Option<String>,
    /// Where the node is: `ssh://user@host`, or `None` for this machine.
    pub node: Option<String>,
    /// The repository that the node follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// What it follows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<Follow>,
    /// Who is told when what it follows is not deployed.
    #[serde(skip_serializing_if = "is_default")]
    pub notify: Notify,
    /// Who is told what became of a commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forge: Option<Forge>,
    /// What stops a release here; see [`crate::gate::Gates::of_environment`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<crate::gate::Gate>,
    /// Overrides by service.
    pub services: BTreeMap<Name, ServiceOverride>,
    /// Hosts by route.
    pub hosts: BTreeMap<Name, String>,
}

fn is_default(notify: &Notify) -> bool {
    *notify == Notify::default()
}

impl EnvironmentSpec {
    /// The host of a route here: this environment's own, else as written in production, else `ENV.HOST`.
    #[must_use]
    pub fn host(&self, environment: &Name, route: &Name, spec: &RouteSpec) -> String {
        match self.hosts.get(route) {
            Some(host) => host.clone(),
            None if self.production => spec.host.clone(),
            None => format!("{environment}.{}", spec.host),
        }
    }
}

/// `[environments.E.services.S]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ServiceOverride {
    /// Settings of this environment.
    pub env: BTreeMap<String, Setting>,
    /// Numbers and times of this environment.
    pub tuning: Tuning,
}

/// Where a release comes from; beside it, never in its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The full commit id; `None` outside git.
    pub commit: Option<String>,
    /// The working tree had changes that no commit holds.
    pub dirty: bool,
    /// A service stands on packages or an image that no lock in the commit names: another build of the same commit may
    /// stand on others.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlocked: bool,
    /// What the app's name is bound to: the repository's first commit and the manifest's path in it, or user and path.
    pub source: String,
    /// What the name is bound to if it was deployed from the same folder before there was a commit: user and path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// When it was built, RFC 3339.
    pub built_at: String,
    /// `x86_64-linux` and the like.
    pub platform: String,
}

impl Provenance {
    /// What the commit does not say of the release, for people.
    #[must_use]
    pub fn caveat(&self) -> Option<&'static str> {
        match (self.dirty, self.unlocked) {
            (true, _) => Some("with changes that no commit has"),
            (false, true) => Some("with a base that is not locked in the commit"),
            (false, false) => None,
        }
    }
}

/// What travels to a node: a release, the environments of its commit, and where it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseBundle {
    /// The release itself.
    pub release: Release,
    /// Its environments.
    pub environments: BTreeMap<Name, EnvironmentSpec>,
    /// Its origin.
    pub provenance: Provenance,
    /// What belongs to the services' images, by service: manifests whose subject is the image (a bill of materials and
    /// a provenance). They name the commit, so they are beside the release like it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attachments: BTreeMap<Name, Vec<Digest>>,
    /// What stops it, and which findings are waived, at the release's commit.
    #[serde(default)]
    pub gates: crate::gate::Gates,
    /// What a check found; `None`: it was never checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checked: Option<Checked>,
    /// Its commit's tests have passed: what they found before is put right. Tests are no part of a release.
    #[serde(default)]
    pub tested: bool,
}

/// What a check said of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    /// When, RFC 3339.
    pub at: String,
    /// What it found.
    pub findings: Vec<crate::finding::Finding>,
}

impl Checked {
    /// The same, once tests have passed.
    #[must_use]
    pub fn without_failed_tests(mut self) -> Self {
        self.findings.retain(|finding| finding.rule != crate::finding::rule::FAILED_TEST);
        self
    }

    /// What is known of a release in which some services are of a newer one: what was found in each of them where it
    /// comes from; of what belongs to no service, both.
    #[must_use]
    pub fn mixed(new: Option<&Self>, old: Option<&Self>, only: &[Name]) -> Option<Self> {
        let of = |checked: Option<&Self>, is_new: bool| {
            let findings = checked.map(|checked| checked.findings.clone()).unwrap_or_default();
            let belongs = move |finding: &crate::finding::Finding| {
                finding.service.as_ref().is_none_or(|service| only.contains(service) == is_new)
            };
            findings.into_iter().filter(belongs).collect::<Vec<_>>()
        };
        let at = new.or(old)?.at.clone();
        let mut findings = of(new, true);
        findings.extend(of(old, false));
        let mut seen = std::collections::BTreeSet::new();
        findings.retain(|finding| seen.insert(finding.fingerprint()));
        Some(Self { at, findings })
    }
}

impl ReleaseBundle {
    /// The manifests that have to be there: images, and what belongs to them. Each names further blobs.
    pub fn manifests(&self) -> impl Iterator<Item = &Digest> {
        self.release.services.values().map(|service| &service.image).chain(self.attachments.values().flatten())
    }
}

impl Release {
    /// The release's name: the digest of its content.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of_json(self)
    }

    /// Every blob that must be there to run it: image manifests and checks. What the manifests name comes on top.
    pub fn blobs(&self) -> impl Iterator<Item = &Digest> {
        let services = self.services.values();
        let images = services.clone().map(|s| &s.image);
        let checks = services.flat_map(|s| &s.checks).chain(self.routes.values().flat_map(|r| &r.checks));
        images.chain(checks.map(|c| &c.digest))
    }
}
