//! Brings what runs back to what was meant to run, after the node or the whole machine came back.

use crate::control::Control;
use crate::executor::{Ended, Executor};
use crate::journal::{Entry, Journal};
use crate::plan::Plan;
use crate::smoke::Smoke;
use crate::target::Target;
use crate::traffic::Traffic;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;

/// What an environment was meant to run.
#[derive(Debug, Clone)]
pub struct Intended {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The revision that serves; `None`: nothing does.
    pub running: Option<Revision>,
    /// The deployment that was under way.
    pub under_way: Option<UnderWay>,
}

/// A deployment that has not ended.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// Its number.
    pub deployment: u64,
    /// Its plan.
    pub plan: Plan,
    /// Its progress, oldest first.
    pub entries: Vec<Entry>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// How the deployment that was under way ended.
    pub ended: Option<Ended>,
    /// What could not be brought back; the target goes on trying.
    pub failures: Vec<Diagnostic>,
}

impl<T: Target, R: Traffic, J: Journal, S: Smoke> Executor<T, R, J, S> {
    /// Finishes or undoes the deployment that was under way; without one, starts what the running revision needs, applies
    /// its traffic and stops everything else. Returns when that is done; `control` reaches into the deployment.
    pub async fn reconcile(&self, _intended: &Intended, _control: Control) -> Reconciled {
        todo!()
    }
}
