//! Checks: Hurl files that prove something about a running service. One check has three lives: functional test in CI,
//! smoke test in a deployment, synthetic monitor in production.
//!
//! Hurl itself runs in a small executable of its own, `seaworthy-check`, because it blocks and links C libraries. This
//! crate finds and starts it, bounds what it may take, and turns what it answers into [`CheckResult`]s and diagnostics.
//! A check that could not run is a [`ChecksError`], never a pass.

mod error;
mod process;
mod report;
mod result;
mod runner;
mod selection;
pub mod wire;

pub use error::ChecksError;
pub use result::CheckResult;
pub use runner::{RunRequest, Runner};
pub use selection::{Selection, select};
pub use wire::{CheckFile, Connect, Exchange, Failure, FailureKind, Inspected, Outcome};
