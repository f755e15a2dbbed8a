//! Deployments: what is tried, what came of it, and the events on the way.

use crate::job::Job;
use crate::pool::PoolSpec;
use crate::release::{Provenance, RouteSpec};
use crate::{Digest, Name};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// What an environment runs: immutable, numbered from 1 within its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Counts from 1 within (app, environment).
    pub number: u64,
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The release.
    pub release: Digest,
    /// Where the release comes from.
    pub provenance: Provenance,
    /// Every service, resolved.
    pub pools: BTreeMap<Name, PoolSpec>,
    /// Every route with this environment's host.
    pub routes: BTreeMap<Name, RouteSpec>,
    /// Checks by service (those of routes are in the routes).
    pub checks: BTreeMap<Name, Vec<crate::release::Check>>,
    /// What runs by the clock while it serves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub jobs: BTreeMap<Name, Job>,
    /// How traffic moves to it.
    pub rollout: Rollout,
    /// What somebody should know of it: what is declared but not enforced, what cannot be made again. A line each.
    pub not_enforced: Vec<String>,
}

/// How traffic moves to a revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollout {
    /// Ascending percentages, the last one 100.
    pub shift: Vec<u8>,
    /// How long each step but the last lasts.
    pub shift_every: Duration,
    /// How long the old revision stays warm.
    pub bake: Duration,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The user on the node's host, from the socket's peer credentials.
    pub user: String,
    /// The name that the client claims, if another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
}

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// A release to an environment.
    Deploy,
    /// Back to the last good revision.
    Rollback,
    /// What one environment runs, to another.
    Promote,
    /// Nothing runs any more.
    Down,
}

/// How it ended, or that it has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Before all traffic has moved.
    Running,
    /// All traffic has moved, the old revision is still warm.
    Baking,
    /// The new revision serves, for good.
    Succeeded,
    /// The old revision serves (on a first deployment: nothing runs); the new one failed before it had all traffic.
    Failed,
    /// The old revision serves again: the new one failed after it had all traffic.
    Returned,
    /// Stopped by somebody; the old revision serves.
    Cancelled,
}

impl Outcome {
    /// Whether nothing more will happen.
    #[must_use]
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Running | Self::Baking)
    }
}
