//! The file's keys, once: serde reads them, schemars makes the schema of them, and the schema finds the errors.
//!
//! Doc comments here are what an editor shows. Everything may be missing, so that what is left of a broken file can
//! still be read; what must be there is `required` in the schema.

mod choices;
mod environment;
mod gates;
mod service;

pub(super) use choices::{
    Answer, BuildNetwork, Compare, Forge, Isolation, LeastSeverity, Protocol, SettingType, Stage, Target, Update,
};
pub(super) use environment::{Environment, Follow, Notify, Override, RouteOverride};
pub(super) use gates::{GateEntry, Gates, Waiver};
pub(super) use service::{Before, EgressEntry, FileEntry, FromTo, Port, Service, Setting, SettingSource};

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

/// One text or a list of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
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
