//! From a source tree to a release and a verdict: a graph of steps, run in parallel, kept by what they were made of.
//!
//! It runs where the verb was typed, as that user. It knows nothing of targets or nodes: blobs go to a [`BlobSink`],
//! what a check does is asked of an [`Inspect`], and what it says of a release of a [`Functional`].

pub mod build;
mod cache;
pub mod check;
mod checks;
mod collect;
mod confinement;
mod copy;
mod deployable;
pub mod discover;
mod dockerfile;
mod fingerprint;
mod git;
mod given;
mod graph;
mod image;
mod isolation;
#[cfg(target_os = "linux")]
mod keeper;
mod limits;
mod lines;
mod program;
pub mod progress;
mod report;
pub mod seams;
#[cfg(target_os = "linux")]
mod secrets;
mod sent;
mod service;
mod shell;
mod source;
mod stamps;
mod surroundings;
mod test_report;
mod toolchains;
pub mod upstream;
mod validate;
pub mod verify;
#[cfg(target_os = "linux")]
mod watched;
mod work;

pub use build::{Built, Request, build};
pub use check::{Checked, check};
pub use dockerfile::dockerfile_programs;
pub use limits::StepLimits;
pub use progress::{Event, Step};
pub use report::Step as CheckedStep;
pub use seams::{
    BaseLayer, Bases, BlobSink, Foundation, Functional, FunctionalFailure, GivenImage, Inspect, NoBases, Sources,
};
pub use sent::Committed;
pub use source::SourceOf;
pub use verify::verify;
