//! Who runs checks, as the executor sees it.

use crate::step::SmokeCheck;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::Revision;
use std::collections::BTreeMap;
use std::future::Future;

/// Runs checks: before users reach a revision, and again while it bakes.
pub trait Smoke: Send + Sync {
    /// Runs checks against a revision by the listener that is pinned to it; returns a line per check. A check that
    /// could not run has failed.
    fn run(
        &self,
        deployment: u64,
        revision: &Revision,
        checks: &[SmokeCheck],
    ) -> impl Future<Output = Result<Vec<String>, Diagnostic>> + Send;

    /// Runs checks against the revision that carries all traffic, the way that its users take; returns those that fail,
    /// by name, and why. That they cannot be run says nothing about the revision.
    ///
    /// # Errors
    /// When they cannot be run.
    fn repeat(
        &self,
        revision: &Revision,
        checks: &[SmokeCheck],
    ) -> impl Future<Output = Result<BTreeMap<String, Diagnostic>, Diagnostic>> + Send;
}
