//! From a source tree to a release: test, build, collect the files, inspect the checks.
//!
//! It runs where the verb was typed, as that user. It knows nothing of targets or nodes: blobs go to a [`BlobSink`],
//! what a check does is asked of an [`Inspect`].

pub mod build;
mod cache;
mod checks;
mod collect;
mod copy;
pub mod discover;
mod fingerprint;
mod git;
mod image;
mod isolation;
pub mod progress;
pub mod seams;
#[cfg(target_os = "linux")]
mod secrets;
mod service;
mod shell;
mod source;
mod surroundings;
mod toolchains;
pub mod verify;

pub use build::{Built, Request, build};
pub use progress::{Event, Step};
pub use seams::{BaseLayer, Bases, BlobSink, Inspect, NoBases};
pub use verify::verify;
