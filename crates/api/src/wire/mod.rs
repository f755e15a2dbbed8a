//! The bodies.

mod deployment;
mod exec;
mod functional;
mod jobs;
mod logs;
mod node;
mod release;
mod sent;
mod status;
mod webhook;

pub use deployment::{
    DeploymentRecord, DeploymentRequest, DeploymentStarted, DifferenceAnswer, Intent, PlanAnswer, ProgressEvent,
};
pub use exec::{EXEC_PROTOCOL, ExecRequest, ExecTerminal, TerminalSize};
pub use functional::FunctionalCheck;
pub use jobs::{JobRun, JobStatus};
pub use logs::{LogLine, RunEvent, RunRequest};
pub use node::{NodeInfo, NodeStopped, RegistryInfo, StopRequest};
pub use release::{DigestList, ReleaseAccepted};
pub use sent::{CommitList, RunProgress, SENT_BYTES_MAX, SentCommit};
pub use status::{
    EnvironmentStatus, FollowStatus, InstanceStatus, RouteStatus, ServiceStatus, SoakStatus, State, Status,
};
pub use webhook::WebhookInfo;

use seaworthy_diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};

/// The body of every answer with a status of 400 or more.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// At least one.
    pub errors: Vec<Diagnostic>,
}
