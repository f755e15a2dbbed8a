//! From a source tree to a release: test, build, collect the files, inspect the checks.
//!
//! It runs where the verb was typed, as that user. It knows nothing of targets or nodes: blobs go to a [`BlobSink`],
//! what a check does is asked of an [`Inspect`].

pub mod build;
mod cache;
mod checks;
mod collect;
pub mod discover;
mod fingerprint;
mod git;
pub mod progress;
pub mod seams;
mod service;
mod shell;
mod source;
mod surroundings;

pub use build::{Built, Request, build};
pub use progress::{Event, Step};
pub use seams::{BlobSink, Inspect};
