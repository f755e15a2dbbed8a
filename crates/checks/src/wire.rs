//! What this crate and the helper executable `seaworthy-check` say to each other.
//!
//! The helper reads one [`Request`] as JSON on its standard input and writes one [`Answer`] per line on its standard
//! output: one for each file, in the order of the files, and a [`Answer::Summary`] at the end. It exits 0 if it could
//! do what was asked, even if checks failed, and 2 after an [`Answer::Error`].

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of this protocol. A helper refuses every other one.
pub const VERSION: u32 = 1;
/// The largest request that the helper reads.
pub const REQUEST_BYTES_MAX: usize = 16 << 20;
/// The most files of one request.
pub const FILES_MAX: usize = 1000;
/// The longest text that an answer holds of anything that came over the network.
pub const EXCERPT_BYTES_MAX: usize = 1024;

/// What the helper is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// [`VERSION`].
    pub version: u32,
    /// What to do with the files.
    pub operation: Operation,
    /// The files, each with a name of its own.
    pub files: Vec<CheckFile>,
    /// How long one HTTP request may take.
    #[serde(default = "timeout_ms")]
    pub timeout_ms: u64,
    /// How long everything together may take; what is left by then is answered as [`Outcome::TimedOut`].
    #[serde(default = "total_timeout_ms")]
    pub total_timeout_ms: u64,
}

fn timeout_ms() -> u64 {
    10_000
}

fn total_timeout_ms() -> u64 {
    60_000
}

/// The operations of the helper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Read the files and say what they would do.
    Inspect,
    /// Run the files.
    Run,
}

/// One Hurl file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckFile {
    /// Its path as the user would type it.
    pub name: String,
    /// Its content.
    pub text: String,
    /// The values of `{{NAME}}`.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Where all its connections go; `None`: wherever the names in it resolve to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Connect>,
}

/// Where connections go, whatever host the request names. The `Host` header stays as written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connect {
    /// A Unix socket, by its path.
    Unix(String),
    /// An IP address and port: `127.0.0.1:8080`, `[::1]:8080`.
    Tcp(String),
}

/// One line of the helper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// A file was read.
    Inspected(Inspected),
    /// A file was run.
    Ran(Ran),
    /// The last line: everything was answered.
    Summary {
        /// How many files were answered.
        files: usize,
    },
    /// The last line: the helper could not do what was asked.
    Error {
        /// Why.
        message: String,
    },
}

/// What a file would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspected {
    /// The file's name.
    pub name: String,
    /// The HTTP methods that it uses, in upper case, sorted, each once.
    #[serde(default)]
    pub methods: Vec<String>,
    /// The variables that it expects and does not set itself, sorted, each once.
    #[serde(default)]
    pub variables: Vec<String>,
    /// Why it cannot run; empty if it can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every request was answered as expected.
    Passed,
    /// Something was not as expected.
    Failed,
    /// The time of the whole run was over first.
    TimedOut,
    /// The file itself is wrong; no request was sent.
    Invalid,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// The file's name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// How long it took.
    pub duration_ms: u64,
    /// The requests that were sent and answered, redirects and retries included; of many, the last ones.
    #[serde(default)]
    pub exchanges: Vec<Exchange>,
    /// What was not as expected; empty if and only if it passed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failure>,
}

/// A request and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The line of the file on which the request stands, from 1.
    pub line: usize,
    /// The method.
    pub method: String,
    /// The URL, variables filled in.
    pub url: String,
    /// The headers that were sent; the values of those that carry secrets are `***`.
    pub headers: Vec<(String, String)>,
    /// The status of the answer.
    pub status: u32,
    /// The beginning of the answer's body, at most [`EXCERPT_BYTES_MAX`].
    pub body: String,
    /// The length of the answer's body.
    pub body_bytes: usize,
    /// From the start of the connection to the end of the answer.
    pub duration_ms: u64,
}

/// A place in a file; lines and columns (of characters) count from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// What kind of thing was not as expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The answer is not the expected one.
    Assertion,
    /// There was no (complete) answer.
    Connection,
    /// There was no (complete) answer in time.
    Timeout,
    /// The file cannot be read as Hurl, or asks for what a check may not do.
    File,
}

/// One thing that was not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// What it is, in one line.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where it begins; `None` if it is not about a place in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Position>,
    /// Where it ends, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Position>,
    /// The request that it is about, method and URL, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What was expected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// What came instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actual: Option<String>,
    /// More about it, line by line: a difference of two texts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub detail: Vec<String>,
    /// The index in [`Ran::exchanges`] of the exchange that it is about, if an answer came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exchange: Option<usize>,
}
