//! Who runs checks, as the executor sees it.

use crate::step::SmokeCheck;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::Revision;
use std::future::Future;

/// Runs checks, and knows how those that run again and again are doing.
pub trait Smoke: Send + Sync {
    /// Runs checks against a revision by the listener that is pinned to it; returns a line per check. A check that
    /// could not run has failed.
    fn run(
        &self,
        deployment: u64,
        revision: &Revision,
        checks: &[SmokeCheck],
    ) -> impl Future<Output = Result<Vec<String>, Diagnostic>> + Send;

    /// Why the serving revision is not well, if its monitors say so. Asked about once a second while traffic shifts and
    /// while a revision bakes; answers from what is known already.
    fn failing(&self, revision: &Revision) -> impl Future<Output = Option<Diagnostic>> + Send;
}
