//! What runs.

use super::{DeploymentRecord, JobStatus, NodeStopped};
use seaworthy_model::run::{Follower, Run};
use seaworthy_model::{Digest, Name};
use serde::{Deserialize, Serialize};

/// `GET /v1/status`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Every environment of every app (or those asked for), sorted.
    pub environments: Vec<EnvironmentStatus>,
    /// What is wrong with the node or its gateway, in words.
    pub warnings: Vec<String>,
    /// Set where no node answers because somebody stopped it: then nobody knows of environments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_stopped: Option<NodeStopped>,
}

impl Status {
    /// What there is to say of a node that somebody stopped.
    #[must_use]
    pub fn of_stopped(node: NodeStopped) -> Self {
        Self { environments: Vec::new(), warnings: Vec::new(), node_stopped: Some(node) }
    }
}

/// One environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EnvironmentStatus {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The revision that serves.
    pub revision: Option<u64>,
    /// Its release.
    pub release: Option<Digest>,
    /// The commit of the release.
    pub commit: Option<String>,
    /// The release holds changes that no commit has.
    pub dirty: bool,
    /// Its services.
    pub services: Vec<ServiceStatus>,
    /// What runs by the clock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs: Vec<JobStatus>,
    /// Its addresses.
    pub routes: Vec<RouteStatus>,
    /// The deployment under way, or else the last one.
    pub deployment: Option<DeploymentRecord>,
    /// What it follows, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow: Option<FollowStatus>,
    /// What is declared but not enforced, and what the services lack, a line each.
    pub notes: Vec<String>,
}

/// What an environment follows, and what became of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct FollowStatus {
    /// As a person's deployment said it.
    pub follower: Follower,
    /// The same in words.
    pub text: String,
    /// What became of the newest commit.
    pub run: Option<Run>,
    /// What soaks in the environment that it follows, and is not taken yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub soak: Option<SoakStatus>,
    /// Why the repository cannot be looked at.
    pub problem: Option<String>,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

/// What an environment runs that another one takes once it has run well for long enough.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SoakStatus {
    /// The environment that runs it.
    pub environment: Name,
    /// The commit, where there is one.
    pub commit: Option<String>,
    /// The release.
    pub release: Digest,
    /// Since when it has run there without an instance being started again, RFC 3339.
    pub since: String,
    /// When it is taken if nothing happens to it meanwhile, RFC 3339; `None`: it does not run as it should now.
    pub until: Option<String>,
    /// What keeps it from being taken, or began the time anew, in words.
    pub reason: Option<String>,
}

/// One service of an environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ServiceStatus {
    /// The service.
    pub service: Name,
    /// How many instances are wanted.
    pub wanted: u16,
    /// Its instances, those of a warm or draining revision included.
    pub instances: Vec<InstanceStatus>,
    /// Requests since its pool began.
    pub requests: u64,
    /// Of these, answered with 500 to 599.
    pub errors: u64,
}

/// What an instance is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It has not been healthy yet.
    Starting,
    /// It runs.
    Running,
    /// It ended and will be started again.
    Restarting,
    /// It ends again and again.
    CrashLoop,
    /// It was asked to end.
    Stopping,
    /// It is gone.
    Stopped,
}

/// One instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// Its id.
    pub id: String,
    /// The revision side: true if it belongs to the serving revision.
    pub current: bool,
    /// What it is doing.
    pub state: State,
    /// The program's process id.
    pub pid: Option<u32>,
    /// Where it listens.
    pub address: Option<String>,
    /// Since when the program runs, RFC 3339.
    pub since: Option<String>,
    /// How often the program was started again.
    pub restarts: u64,
    /// How it last ended, in words.
    pub last_exit: Option<String>,
    /// The last lines of its log, when something is wrong.
    pub last_lines: Vec<String>,
}

/// One address of an environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RouteStatus {
    /// The route.
    pub route: Name,
    /// Where a browser finds it.
    pub url: String,
}
