//! What happens to instances, for whoever keeps the history.

use crate::wire::Exit;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::pool::{InstanceId, PoolId};
use std::time::SystemTime;

/// Something that happened to an instance.
#[derive(Debug, Clone)]
pub struct EngineEvent {
    /// When.
    pub at: SystemTime,
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The service.
    pub service: Name,
    /// The pool.
    pub pool: PoolId,
    /// The instance.
    pub instance: InstanceId,
    /// What.
    pub what: Happening,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Happening {
    /// It was started, with a shim of its own.
    Started {
        /// The program's process id.
        pid: Option<u32>,
    },
    /// A node that came back found it running and goes on with it.
    Adopted {
        /// The program's process id.
        pid: Option<u32>,
    },
    /// Its program ended; its shim starts it again.
    Exited(Exit),
    /// Its shim has started its program again.
    Restarted {
        /// The program's process id.
        pid: Option<u32>,
        /// How often by now.
        restarts: u64,
    },
    /// Its program ends again and again; its last lines.
    CrashLoop(Vec<String>),
    /// Its shim died, or the machine was started again; it is started anew.
    Lost,
    /// It could not be started anew; it is tried again.
    StartFailed(Box<Diagnostic>),
    /// Its program looked up a name that is not declared.
    NotDeclared(String),
    /// It was found healthy, at the end of [`seaworthy_deploy::Target::healthy`].
    Healthy,
    /// It is one too many: it gets no new requests and ends soon.
    Retired,
    /// It has ended because it was asked to.
    Stopped,
}

impl Happening {
    /// Whether the addresses of the pool may be others now.
    #[must_use]
    pub fn moves_endpoints(&self) -> bool {
        matches!(self, Self::Started { .. } | Self::Adopted { .. } | Self::Healthy | Self::Retired | Self::Stopped)
    }
}

/// What is said of a name that was looked up inside and is not declared.
#[must_use]
pub fn not_declared(name: &str) -> String {
    format!(
        "the name `{name}` was looked up and is not declared: a service belongs into `calls`, a host outside into `egress`"
    )
}
