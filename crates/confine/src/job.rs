//! What is to be run, and how much of the machine it may have.

use seaworthy_diagnostics::Masked;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// A file or folder of the machine that appears inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Where it is outside.
    pub from: PathBuf,
    /// Where it appears, absolute.
    pub at: PathBuf,
    /// Whether what appears may be written, as far as its owner allows it.
    pub writable: bool,
}

/// A file that exists inside alone, in memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrivateFile {
    /// Where, absolute.
    pub at: PathBuf,
    /// What it holds.
    pub text: Masked<String>,
    /// Its permission bits; it belongs to the job's user.
    pub mode: u32,
}

/// A program, and what it finds around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Unique on this machine among the jobs that run; names its control group.
    pub name: String,
    /// Who it runs as; `None`: whoever starts it.
    pub user: Option<u32>,
    /// Whether it gets a root and processes of its own. Without them `binds` mean nothing, and `files` are made where
    /// they say.
    pub walls: bool,
    /// What of the machine appears inside.
    pub binds: Vec<Bind>,
    /// What exists inside alone.
    pub files: Vec<PrivateFile>,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// All of its environment.
    pub environment: BTreeMap<String, String>,
    /// Its working folder.
    pub folder: PathBuf,
    /// What comes on its standard input.
    pub input: Option<String>,
    /// The most processes and threads at a time.
    pub processes: u32,
}

/// How much of the machine a job may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From start to end.
    pub time: Duration,
    /// Bytes of memory, where control groups can be written.
    pub memory_bytes: Option<u64>,
    /// Bytes that it may write to its outputs.
    pub output_bytes: u64,
    /// Bytes of its standard output that are kept; more is too much.
    pub stdout_bytes: usize,
    /// What it may take of a disk.
    pub disk: Option<Disk>,
}

/// How much of a disk a job may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// The folder that it writes.
    pub folder: PathBuf,
    /// What may lie there, in bytes.
    pub bytes_max: u64,
    /// What has to stay free for others, in bytes: else it does not begin, or ends.
    pub free_bytes_min: u64,
}
