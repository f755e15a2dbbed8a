//! The messages. One request per line, one answer per line.

use seaworthy_model::routing::{ListenAddress, RoutingTable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The version of these messages; a parent, a worker and a node that differ in it refuse each other with words.
pub const CONTROL_VERSION: u32 = 1;

/// The longest line; a table of some ten thousand routes fits.
pub(crate) const LINE_BYTES_MAX: usize = 16 << 20;

/// Where the parent listens for commands.
#[must_use]
pub fn parent_socket(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join("gateway.sock")
}

/// Where the worker listens for commands.
#[must_use]
pub fn worker_socket(runtime_dir: &Path) -> PathBuf {
    runtime_dir.join("worker.sock")
}

/// A command with the version of its writer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request<C> {
    /// [`CONTROL_VERSION`].
    pub(crate) version: u32,
    /// The command.
    pub(crate) command: C,
}

/// What the parent is asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ParentCommand {
    /// Take this listener; its descriptor comes with the line. One of the same id is replaced.
    Listen(ListenerEntry),
    /// Close a listener; one that is not there is no error.
    Unlisten {
        /// Its id.
        id: String,
    },
    /// Which listeners there are.
    Listeners,
    /// How parent and worker are.
    Status,
    /// Start another worker, of this program if one is named, then let the old one drain and end.
    RestartWorker {
        /// The program; `None`: the one that runs now.
        program: Option<PathBuf>,
    },
    /// Finish what is in flight and end.
    Stop,
}

/// A listener without its descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListenerEntry {
    /// Its id in the table.
    pub(crate) id: String,
    /// What it is bound to.
    pub(crate) address: ListenAddress,
}

/// What the worker is asked over its own socket.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum WorkerCommand {
    /// Follow this table.
    Apply(Box<RoutingTable>),
    /// Counts by pool.
    Counters,
    /// Wait until nothing is in flight to these pools, then close what is left politely.
    Drained {
        /// Their ids.
        pools: Vec<String>,
        /// How long to wait.
        timeout_ms: u64,
    },
    /// The connections outwards that were refused since this was asked last.
    Refusals,
    /// How it is.
    Status,
    /// Are you there.
    Ping,
    /// A parent that started without any listener asks for those of a worker whose parent died.
    HandOver,
    /// Stop accepting, finish, end.
    Drain,
}

/// What a parent tells its worker.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChannelCommand {
    /// Take this listener; its descriptor comes with the line. One of the same id is replaced.
    Listen(ListenerEntry),
    /// Close a listener.
    Unlisten {
        /// Its id.
        id: String,
    },
    /// Stop accepting, finish what has begun, end.
    Finish {
        /// How long that may take before the rest is closed.
        within_ms: u64,
    },
}

/// What a worker tells its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ChannelEvent {
    /// It serves.
    Ready,
}

/// An answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer<T> {
    /// Done; this is what was asked for.
    Done(T),
    /// Not done.
    Refused(Refusal),
}

/// Why a command was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// For programs.
    pub code: RefusalCode,
    /// For people.
    pub message: String,
}

/// Why a command was not done, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    /// The peer may not ask.
    NotAllowed,
    /// The message is of another version or cannot be read.
    NotUnderstood,
    /// The table is older than the current one.
    Stale,
    /// The table could not be written.
    NotKept,
    /// The system refused something.
    Failed,
}

/// How the parent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParentStatus {
    /// The program's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The worker's process id; `None` while there is none.
    pub worker_pid: Option<u32>,
    /// Whether the worker has said that it serves.
    pub worker_ready: bool,
    /// A worker that has started and is about to take the other's place.
    pub successor_pid: Option<u32>,
    /// How often a worker has died and another took its place.
    pub restarts: u64,
    /// Workers that finish what they began.
    pub draining: Vec<u32>,
}

/// How the worker is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerStatus {
    /// The program's version.
    pub version: String,
    /// Its process id.
    pub pid: u32,
    /// The generation of its table.
    pub generation: u64,
    /// How many routes it has.
    pub routes: usize,
    /// The listeners that it accepts on.
    pub listeners: Vec<String>,
    /// Client connections.
    pub connections: u64,
    /// Lines of the access log that were dropped because the disk was too slow.
    pub log_lines_dropped: u64,
    /// Bytes of RAM; `None` where the system does not tell.
    pub memory_bytes: Option<u64>,
}

/// Counts of one pool since this worker first knew it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolCount {
    /// Requests answered, whatever the answer.
    pub requests: u64,
    /// Of these, answered with 500 to 599, by the service or on its behalf.
    pub errors: u64,
    /// Requests, upgraded connections and TCP connections under way now.
    pub in_flight: u64,
    /// Answers after which the instance closed its connection, as HTTP/1.0 does.
    #[serde(default)]
    pub closed: u64,
    /// Fan-outs in which its answer differed from the majority's.
    #[serde(default)]
    pub disagreed: u64,
    /// Fan-outs in which it failed.
    #[serde(default)]
    pub failed: u64,
    /// Fan-outs in which it had not answered at the deadline.
    #[serde(default)]
    pub late: u64,
    /// Of the requests, those whose caller the listener tells, by caller.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub callers: BTreeMap<String, CallerCount>,
}

/// Counts of one caller of a pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallerCount {
    /// Requests answered.
    pub requests: u64,
    /// Of these, answered with 500 to 599.
    pub errors: u64,
}

/// A connection to the world outside that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EgressRefusal {
    /// Whose instance asked: `APP/ENV/SERVICE`.
    pub caller: String,
    /// Where it wanted to go: `host:port`.
    pub to: String,
    /// Why not, in a sentence.
    pub why: String,
    /// What to write into the manifest where it is to be allowed; `None`: it never is.
    pub add: Option<String>,
}
