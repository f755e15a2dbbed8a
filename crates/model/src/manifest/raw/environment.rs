//! `[environments.NAME]`.

use super::{GateEntry, Isolation, Setting, Target};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Where a release runs, and the values that are its own.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct Environment {
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
pub(in crate::manifest) enum Follow {
    Name(String),
    Full(FollowFull),
}

/// A branch, or another environment.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct FollowFull {
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
pub(in crate::manifest) struct Notify {
    /// A program and its arguments, run in a checkout of the commit; the evidence is JSON on its standard input.
    pub command: Option<Vec<String>>,
    /// An `https://` address to which the evidence is posted as JSON, signed.
    pub webhook: Option<String>,
}

/// An environment's own values for a service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(in crate::manifest) struct Override {
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
pub(in crate::manifest) struct RouteOverride {
    /// The host in this environment, as written.
    pub host: Option<String>,
}
