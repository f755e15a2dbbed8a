//! The file's keys, once: serde reads them, schemars makes the schema of them, and the schema finds the errors.
//!
//! Doc comments here are what an editor shows. Everything may be missing, so that what is left of a broken file can
//! still be read; what must be there is `required` in the schema.

use crate::finding::Severity;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An app: its services, the routes that lead to them and the environments that run them.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "seaworthy.toml", extend("required" = ["app"]))]
pub(super) struct Manifest {
    /// The app's name: a DNS label of at most 20 characters. A node binds it to the source that first used it.
    pub app: Option<String>,
    /// The environment in which routes have their hosts as written, and traffic shifts in steps. Default: `prod`.
    pub production: Option<String>,
    /// The repository that nodes follow: `https://…`, `ssh://…`, `user@host:path`, `file://…` or a path. No secret in it.
    pub repository: Option<String>,
    /// What kind of server has the repository: it is told what became of each commit. Default: nobody is told.
    pub forge: Option<Forge>,
    /// The programs of the app, by name.
    pub services: BTreeMap<String, Service>,
    /// What is reachable from outside, by name.
    pub routes: BTreeMap<String, Route>,
    /// Commands that run by the clock, by name.
    pub jobs: BTreeMap<String, Job>,
    /// Where releases run, by name. `dev` exists even if it is not written.
    pub environments: BTreeMap<String, Environment>,
    /// Which findings stop a release.
    pub gates: Gates,
    /// Where the Debian packages of bases come from. Default: the archive that the machine's own apt knows.
    pub debian: Debian,
}

/// Where the Debian packages of bases come from, and what of them is taken.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Debian {
    /// The archive's root, such as `https://deb.example/debian`: then what the machine's apt knows does not count.
    pub mirror: Option<String>,
    /// The suite, such as `bookworm`; or several, the main one first.
    pub suite: Option<OneOrMany>,
    /// The components. Default: `["main"]`.
    pub components: Option<Vec<String>>,
    /// The root of the archive with the suite's security updates, `https://deb.example/debian-security`: there the
    /// suite is called `bookworm-security`.
    pub security: Option<String>,
    /// The keyring that signs, relative to this file, binary or armored. Default: the keys that this machine trusts.
    pub keys: Option<String>,
    /// Whether bases hold manual pages and the like, too. Default: false.
    pub documentation: Option<bool>,
}

/// Which findings stop a release, and which are waived for a while.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Gates {
    /// What stops a release: the least severity, or a table. Default: `high`.
    pub release: Option<GateEntry>,
    /// Findings that are accepted until a day.
    pub waivers: Vec<Waiver>,
}

/// A severity, or a table that says more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum GateEntry {
    Severity(LeastSeverity),
    Full(Gate),
}

/// Which findings stop.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Gate {
    /// Findings of this severity and worse stop. Default: `high`.
    pub severity: Option<LeastSeverity>,
    /// The severity from which findings of tests stop. Default: `severity`.
    pub test: Option<LeastSeverity>,
    /// The severity from which findings of scans stop. Default: `severity`.
    pub scan: Option<LeastSeverity>,
    /// The severity from which findings of checks stop. Default: `severity`.
    pub check: Option<LeastSeverity>,
    /// Rules whose findings stop, however severe they are.
    pub stop: Vec<String>,
}

/// A finding that is known and accepted until a day.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["finding", "reason", "owner", "expires"]))]
pub(super) struct Waiver {
    /// The finding's fingerprint, or a rule: then every finding of it.
    pub finding: Option<String>,
    /// The service that it is limited to.
    pub service: Option<String>,
    /// Why the finding is accepted.
    pub reason: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day on which it counts, such as `2027-01-31`.
    pub expires: Option<String>,
}

/// A program of the app: how it is built, tested, run and checked, and what it may call.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Service {
    /// Its folder, relative to this file. Default: a folder with the service's name.
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

/// A host and path, and the services that answer there.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["host"]))]
pub(super) struct Route {
    /// The host in production; in other environments `ENV.HOST`, unless they say otherwise.
    pub host: Option<String>,
    /// The path and everything below it. Default: `/`.
    pub path: Option<String>,
    /// The service that answers.
    pub service: Option<String>,
    /// The services that are all asked, at least two.
    pub fanout: Option<Vec<String>>,
    /// How the answers of `fanout` become one. Default: `quorum`.
    pub answer: Option<Answer>,
    /// How long `fanout` may take. Default: `5s`.
    pub deadline: Option<String>,
    /// What makes two answers of `fanout` the same. Default: `body`.
    pub compare: Option<Compare>,
    /// The methods that fan out. Default: GET, HEAD and OPTIONS.
    pub methods: Option<Vec<String>>,
    /// The cookie whose value keeps a user on one release while traffic shifts.
    pub sticky: Option<String>,
    /// Hurl files: globs, relative to this file.
    pub checks: Vec<CheckEntry>,
    /// The largest request body, such as `10MB`.
    pub body_max: Option<String>,
    /// How long a request may take until its answer begins.
    pub timeout: Option<String>,
}

/// A command that runs by the clock, in the image and with the values of a service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["service", "run", "schedule"]))]
pub(super) struct Job {
    /// The service in whose image, with whose values and behind whose walls it runs.
    pub service: Option<String>,
    /// The program and its arguments, without a shell.
    pub run: Option<Vec<String>>,
    /// Minute, hour, day of the month, month, day of the week, such as `30 3 * * *` (crontab); or `@daily`.
    pub schedule: Option<String>,
    /// The schedule's time zone, such as `Europe/Zurich`. Default: UTC.
    pub timezone: Option<String>,
    /// How long one run may take. Default: `1h`.
    pub time_limit: Option<String>,
    /// The environments in which it runs. Default: all.
    pub environments: Option<Vec<String>>,
}

/// Where a release runs, and the values that are its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Environment {
    /// How many instances of each service run that says nothing else.
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<u16>,
    /// The steps in which traffic moves to a new release, such as `["10%", "50%", "100%"]` (the default in production).
    pub shift: Option<Vec<String>>,
    /// How long each step lasts. Default: `30s`.
    pub shift_every: Option<String>,
    /// How long the old release stays warm. Default: `10m` in production, else none.
    pub bake: Option<String>,
    /// Whether instances are kept apart. Default: the best that the machine can do.
    pub isolation: Option<Isolation>,
    /// What runs it. Default: `local`.
    pub target: Option<Target>,
    /// The node, as `ssh://user@host`. Default: this machine.
    pub node: Option<String>,
    /// The repository that the node follows, if not the file's own.
    pub repository: Option<String>,
    /// The branch whose commits are deployed by themselves once they pass, or the environment whose releases are taken
    /// over. Default: nothing, until somebody types it.
    pub follow: Option<Follow>,
    /// How long the environment that is followed must have run a release well. Default: `1h`.
    pub soak: Option<String>,
    /// Who is told when what was followed is not deployed.
    pub notify: Option<Notify>,
    /// What stops a release here: the least severity, or a table. Default: in production as `gates.release`, else
    /// `none`.
    pub gate: Option<GateEntry>,
    /// Values for single services.
    pub services: BTreeMap<String, Override>,
    /// Hosts for single routes.
    pub routes: BTreeMap<String, RouteOverride>,
}

/// What an environment follows: a name, or the same spelled out where a branch and an environment have one name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Follow {
    Name(String),
    Full(FollowFull),
}

/// A branch, or another environment.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FollowFull {
    /// The branch.
    pub branch: Option<String>,
    /// The other environment.
    pub environment: Option<String>,
    /// How long that one must have run a release well. Default: `1h`.
    pub soak: Option<String>,
}

/// Who is told when what was followed is not deployed.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Notify {
    /// A program and its arguments, run in a checkout of the commit; the evidence is JSON on its standard input.
    pub command: Option<Vec<String>>,
    /// An `https://` address to which the evidence is posted as JSON, signed.
    pub webhook: Option<String>,
}

/// An environment's own values for a service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Override {
    /// Settings: environment variables that the service declares.
    pub env: BTreeMap<String, Setting>,
    /// How many instances run.
    #[schemars(range(min = 1, max = 1000))]
    pub replicas: Option<u16>,
    /// How much memory one instance may use, such as `256MB` or `1GiB`.
    pub memory: Option<String>,
    /// How many CPU cores one instance may use, such as `0.5`.
    pub cpu: Option<f64>,
    /// How long it must stay healthy before it counts as healthy.
    pub healthy_for: Option<String>,
    /// How long it may take from start to healthy.
    pub start_timeout: Option<String>,
    /// From SIGTERM to SIGKILL.
    pub grace: Option<String>,
    /// How long requests in flight may take after traffic moved on.
    pub drain: Option<String>,
    /// How long requests are held while an `update = "replace"` service changes over.
    pub hold: Option<String>,
}

/// An environment's own host for a route.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["host"]))]
pub(super) struct RouteOverride {
    /// The host in this environment, as written.
    pub host: Option<String>,
}

/// One text or a list of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// One argument list or a list of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Before {
    One(Vec<String>),
    Many(Vec<Vec<String>>),
}

/// A number, or `false`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Port {
    Number(#[schemars(range(min = 1))] u16),
    Worker(#[schemars(extend("const" = false))] bool),
}

/// An entry of `files`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum FileEntry {
    From(String),
    FromTo(FromTo),
}

/// A file or directory, and where it lands.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["from", "to"]))]
pub(super) struct FromTo {
    /// The file, directory or glob, relative to the service's `path`.
    pub from: Option<String>,
    /// Where it lands, relative to `/app`.
    pub to: Option<String>,
}

/// An entry of `egress`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum EgressEntry {
    To(String),
    Full(Egress),
}

/// A destination outside, with what is allowed beyond the ordinary.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["to"]))]
pub(super) struct Egress {
    /// The destination, as `host:port`.
    pub to: Option<String>,
    /// It may resolve to a private address range.
    pub private: Option<bool>,
    /// It may resolve to this machine itself.
    pub node: Option<bool>,
}

/// An entry of `checks`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum CheckEntry {
    Glob(String),
    Full(Check),
}

/// Hurl files, and when they run.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(extend("required" = ["file"]))]
pub(super) struct Check {
    /// The file or glob.
    pub file: Option<String>,
    /// When it runs. Default: always, if it uses GET, HEAD and OPTIONS alone; else only as a functional test.
    pub runs: Option<Vec<Stage>>,
    /// How often it runs as a monitor.
    pub every: Option<String>,
}

/// A setting: a value, or where it comes from.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Setting {
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Source(SettingSource),
}

/// A setting without a value here: every environment must give one, or a secret does.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SettingSource {
    /// Every environment must give a value.
    pub required: Option<bool>,
    /// The type that the value must have. Default: `string`.
    pub r#type: Option<SettingType>,
    /// The name of the secret that holds the value.
    pub secret: Option<String>,
}

macro_rules! choice {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $to:expr),* $(,)? }: $typed:ty) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        pub(super) enum $name { $($variant),* }

        impl From<$name> for $typed {
            fn from(raw: $name) -> Self {
                match raw { $($name::$variant => $to),* }
            }
        }
    };
}

choice!(Protocol { Http = Self::Http, Tcp = Self::Tcp }: crate::service::Protocol);
choice!(BuildNetwork { Machine = Self::Machine, None = Self::None }: super::typed::BuildNetwork);
choice!(Update { Beside = Self::Beside, Replace = Self::Replace }: crate::service::Update);
choice!(Answer { First = Self::First, Quorum = Self::Quorum, All = Self::All }: crate::release::Answer);
choice!(Compare { Body = Self::Body, Json = Self::Json, Status = Self::Status }: crate::release::Compare);
choice!(
    Stage { Functional = Self::Functional, Smoke = Self::Smoke, Monitor = Self::Monitor }: crate::release::Stage
);
choice!(
    SettingType {
        String = Self::String, Integer = Self::Integer, Boolean = Self::Boolean, Url = Self::Url,
        Duration = Self::Duration,
    }: crate::service::SettingType
);
choice!(Isolation { None = "none".to_owned(), Sandbox = "sandbox".to_owned() }: String);
choice!(Target { Local = "local".to_owned(), Kubernetes = "kubernetes".to_owned() }: String);
choice!(Forge { Github = Self::Github, Gitea = Self::Gitea, Gitlab = Self::Gitlab }: crate::follow::Forge);
choice!(
    LeastSeverity {
        Critical = Some(Severity::Critical), High = Some(Severity::High), Medium = Some(Severity::Medium),
        Low = Some(Severity::Low), Note = Some(Severity::Note), None = None,
    }: Option<Severity>
);
