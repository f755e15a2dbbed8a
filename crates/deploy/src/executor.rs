//! Carries out plans, without choices of its own.

use crate::control::Control;
use crate::journal::{Entry, Journal};
use crate::plan::Plan;
use crate::smoke::Smoke;
use crate::target::Target;
use crate::traffic::Traffic;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::Outcome;
use std::sync::Arc;

/// Carries out plans on a target, a carrier of traffic and whoever runs checks.
#[derive(Debug)]
pub struct Executor<T, R, J, S> {
    /// Where instances run.
    pub target: Arc<T>,
    /// Who carries traffic.
    pub traffic: Arc<R>,
    /// Where progress is kept.
    pub journal: Arc<J>,
    /// Who runs checks.
    pub smoke: Arc<S>,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// A final outcome.
    pub outcome: Outcome,
    /// Why it is not better.
    pub failure: Option<Diagnostic>,
}

impl<T: Target, R: Traffic, J: Journal, S: Smoke> Executor<T, R, J, S> {
    /// Carries out a plan from its beginning. May be dropped at any point; [`Executor::resume`] goes on from there.
    pub async fn run(&self, deployment: u64, plan: &Plan, control: Control) -> Ended {
        self.resume(deployment, plan, &[], control).await
    }

    /// Goes on with a plan, or with undoing it, from where its entries (oldest first) say that it stands.
    pub async fn resume(&self, _deployment: u64, _plan: &Plan, _entries: &[Entry], _control: Control) -> Ended {
        todo!()
    }
}
