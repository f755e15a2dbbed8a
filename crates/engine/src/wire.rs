//! What the node and a shim say to each other: one JSON document on the shim's standard input, then lines of JSON on
//! its control socket. Every message carries [`VERSION`]; a node speaks with the shims of the version before its own.

use crate::logs::LogLimits;
use seaworthy_diagnostics::Masked;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// The version of these messages.
pub const VERSION: u32 = 1;

/// Everything that a shim must know. It travels over its standard input alone: it holds the service's settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShimSpec {
    /// [`VERSION`].
    pub version: u32,
    /// The instance's id.
    pub instance: String,
    /// A random text that tells this start of the instance from every other.
    pub token: String,
    /// The program's file, absolute, and its arguments.
    pub program: PathBuf,
    /// What the program sees as its name (`argv[0]`).
    pub name: String,
    /// Its arguments, without its name.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: BTreeMap<String, Masked<String>>,
    /// Where it starts.
    pub working_directory: PathBuf,
    /// The user and group id that it gets; `None`: those of the shim.
    pub user: Option<u32>,
    /// How it is kept apart from everything else.
    pub isolation: Isolation,
    /// What happens when it ends.
    pub mode: Mode,
    /// From SIGTERM to SIGKILL when the shim itself is asked to end by a signal.
    pub grace: Duration,
    /// The instance's folder, for `state.json` and `exit.json`.
    pub directory: PathBuf,
    /// The control socket's path.
    pub socket: PathBuf,
    /// The log's path.
    pub log: PathBuf,
    /// How much of the log is kept.
    pub log_limits: LogLimits,
    /// How long it waits before it starts the program again.
    pub back_off: BackOffLimits,
    /// What stands in the instance's own network; `None`: it is in the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
}

/// What stands in an instance's own network, and how others come in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// The path of the Unix socket by which the gateway comes in ([`seaworthy_host::entrance`]).
    pub entrance: PathBuf,
    /// The gateway's user, who may use it beside root and the shim's own.
    pub gateway: Option<u32>,
    /// What listens inside before the program is started.
    pub listeners: Vec<NetworkListener>,
    /// Addresses that `lo` has beside its own.
    pub addresses: Vec<IpAddr>,
    /// Where connections go elsewhere than they were meant to.
    pub redirects: Vec<Redirect>,
}

/// A listening socket inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkListener {
    /// By which it is asked for.
    pub name: String,
    /// Where it is bound.
    pub address: SocketAddr,
}

/// Connections that are sent elsewhere within the instance's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redirect {
    /// Where the program connects to.
    pub from: SocketAddr,
    /// Where the connection goes.
    pub to: SocketAddr,
}

/// How a program is kept apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Isolation {
    /// A user id, a session and a folder of its own; the machine's network.
    Process,
    /// Namespaces, a root, a filter and limits of its own.
    Sandbox(Box<SandboxSpec>),
}

/// What a sandbox is made of. Every path `inside` is absolute in the instance's own root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxSpec {
    /// What the instance takes for the machine's name.
    pub hostname: String,
    /// The folders that its root consists of, lowest first; none is ever written to.
    pub layers: Vec<PathBuf>,
    /// An empty folder on which the root is put together, seen by nobody else.
    pub staging: PathBuf,
    /// The service's user inside; the same as outside where the shim is root's.
    pub user: u32,
    /// Path inside to the folder that stands there: the declared volumes.
    pub volumes: BTreeMap<PathBuf, PathBuf>,
    /// Path inside to the instance's private copy of what the image has there.
    pub writable: BTreeMap<PathBuf, PathBuf>,
    /// Names that resolve inside, beside `localhost`.
    pub hosts: Vec<(IpAddr, String)>,
    /// Where the shim answers for names inside, on UDP port 53; `None`: nobody does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolver: Option<IpAddr>,
    /// How much of the machine it may use.
    pub limits: SandboxLimits,
    /// The name of its control group, unique on this machine.
    pub group: String,
}

/// How much of the machine an instance may use, where control groups can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SandboxLimits {
    /// Bytes; `None`: what the machine has.
    pub memory_bytes: Option<u64>,
    /// Thousandths of a core; `None`: what the machine has.
    pub cpu_millis: Option<u32>,
    /// Processes and threads.
    pub processes: u32,
}

/// What happens when the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// It is started again.
    Service,
    /// Its exit is written to `exit.json`, and the shim ends.
    Once,
}

/// How long a shim waits before it starts its program again: `first`, doubled each time up to `longest`, from the
/// beginning again after the program ran for `reset_after`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackOffLimits {
    /// After the first exit.
    pub first: Duration,
    /// Never longer than this.
    pub longest: Duration,
    /// A run of this length makes up for all before it.
    pub reset_after: Duration,
}

impl Default for BackOffLimits {
    fn default() -> Self {
        let (first, longest) = (Duration::from_millis(100), Duration::from_secs(30));
        Self { first, longest, reset_after: Duration::from_secs(60) }
    }
}

/// What a shim answers on its standard input's socket once: whether the program was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FirstStart {
    /// It runs.
    Started,
    /// It could not be started, or the shim could not; the shim ends.
    Failed(String),
}

/// A running program: with the boot id, this names it for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// Its process id, which is its session's and its process group's, too.
    pub pid: u32,
    /// See [`seaworthy_host::process::start_time`].
    pub start_time: u64,
    /// When it was started.
    pub started_at: SystemTime,
    /// The process id of its sandbox's first process, whose namespaces it lives in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<u32>,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// How.
    pub how: ExitKind,
    /// When.
    pub at: SystemTime,
    /// How long it had run.
    pub ran_for: Duration,
}

/// How a program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExitKind {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal(String),
    /// The kernel killed it: it used more than so many bytes of memory.
    OutOfMemory(u64),
    /// It could not be started again; why.
    NotStarted(String),
}

impl std::fmt::Display for ExitKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exit code {code}"),
            Self::Signal(signal) => f.write_str(signal),
            Self::OutOfMemory(bytes) => {
                write!(f, "killed: used more than the {} MiB of `memory`", bytes / 1024 / 1024)
            }
            Self::NotStarted(why) => write!(f, "could not be started: {why}"),
        }
    }
}

/// What a shim knows of its instance; also the content of `state.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShimState {
    /// [`VERSION`].
    pub version: u32,
    /// The instance's id.
    pub instance: String,
    /// See [`ShimSpec::token`].
    pub token: String,
    /// The run of the machine that the process ids belong to.
    pub boot_id: String,
    /// The shim's own process id.
    pub shim_pid: u32,
    /// The shim's own start time.
    pub shim_start_time: u64,
    /// The program, while it runs.
    pub program: Option<Program>,
    /// What the shim is doing.
    pub phase: ShimPhase,
    /// How often the program was started again.
    pub restarts: u64,
    /// How often it ended since it last ran for [`BackOffLimits::reset_after`].
    pub exits_in_a_row: u32,
    /// The last exit.
    pub last_exit: Option<Exit>,
    /// Log lines that could not be written.
    pub dropped_lines: u64,
    /// Names that were looked up inside and are not declared; the first few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown_names: Vec<String>,
}

/// What a shim is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShimPhase {
    /// The program runs.
    Running,
    /// The program has ended and is started again in a moment.
    Waiting,
    /// It was asked to end.
    Stopping,
    /// The program has ended for good.
    Ended,
}

/// The content of `exit.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRecord {
    /// [`VERSION`].
    pub version: u32,
    /// See [`ShimSpec::token`].
    pub token: String,
    /// The exit.
    pub exit: Exit,
}

/// A line from the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// [`VERSION`].
    pub version: u32,
    /// What is wanted.
    #[serde(flatten)]
    pub what: Want,
}

/// What the node wants of a shim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Want {
    /// Its state.
    Hello,
    /// Its state, and from then on a line for everything that happens.
    Events,
    /// The program's end: SIGTERM to its process group, after `grace_ms` SIGKILL to all that is left; then its own.
    Stop {
        /// Milliseconds.
        grace_ms: u64,
    },
    /// A signal to the program's process group.
    Signal {
        /// Its name, such as `SIGHUP`.
        signal: String,
    },
}

/// A line from a shim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// [`VERSION`].
    pub version: u32,
    /// Why it is sent.
    pub event: ShimEvent,
    /// How things are afterwards.
    pub state: ShimState,
}

/// Why a shim sends a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShimEvent {
    /// It was asked, and did what it was asked.
    Answer,
    /// It was asked, and could not; why.
    Refused(String),
    /// The program was started (again).
    Started,
    /// The program ended.
    Exited,
    /// A name was looked up that is not declared: the last of the state's.
    NotDeclared,
    /// It was asked to end.
    Stopping,
    /// The program has ended for good; the shim ends, too.
    Ended,
}
