//! Why a task did not end well.

use std::path::PathBuf;
use thiserror::Error;

/// Why a task did not end well.
#[derive(Debug, Error)]
pub(crate) enum Failure {
    #[error("{0}")]
    Usage(&'static str),
    #[error("cannot read or write `{}`", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("cannot start `{program}`")]
    Start { program: String, source: std::io::Error },
    #[error("`{command}` failed with exit code {code}")]
    Exit { command: String, code: i32 },
    #[error("`{command}` printed something else than JSON")]
    Json { command: String, source: serde_json::Error },
    #[error("cannot read `{}`", path.display())]
    Manifest { path: PathBuf, source: Box<toml::de::Error> },
    #[error("tidy: {0} to put right")]
    Untidy(usize),
    #[error("{0} not as generated: run `cargo xtask generate` and read the difference")]
    Drift(String),
    #[error("{file}: {message}")]
    Source { file: &'static str, message: String },
    #[cfg(feature = "bench")]
    #[error("bench: {0}")]
    Bench(String),
    #[error("{0} failed")]
    Steps(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 64,
            _ => 1,
        }
    }
}
