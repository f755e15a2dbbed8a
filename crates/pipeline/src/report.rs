//! What became of the steps of one commit.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Reads the manifest and the checks.
    Validate,
    /// Runs a service's `build` lines and makes its image.
    Build,
    /// Runs a service's `test` lines.
    Test,
    /// Runs the checks against what was built.
    Functional,
}

/// A step: `build web`, `functional`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StepId {
    /// What it does.
    pub kind: StepKind,
    /// For which service.
    pub service: Option<Name>,
}

impl StepId {
    /// A step of a service.
    pub(crate) fn of(kind: StepKind, service: &Name) -> Self {
        Self { kind, service: Some(service.clone()) }
    }

    /// A step of the whole.
    pub(crate) fn whole(kind: StepKind) -> Self {
        Self { kind, service: None }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.kind {
            StepKind::Validate => "validate",
            StepKind::Build => "build",
            StepKind::Test => "test",
            StepKind::Functional => "functional",
        };
        match &self.service {
            Some(service) => write!(f, "{word} {service}"),
            None => f.write_str(word),
        }
    }
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// Well.
    Passed,
    /// Something of the user's is wrong.
    Failed,
    /// It could not run, which says nothing about the commit.
    Refused,
    /// It never began.
    NotRun,
}

/// What became of a step.
#[derive(Debug, Clone)]
pub struct StepReport {
    /// Which.
    pub id: StepId,
    /// How it ended.
    pub outcome: StepOutcome,
    /// It passed before, with everything as it is now, and was not run again.
    pub cached: bool,
    /// How often it was tried; 0: it was not run now.
    pub attempts: u32,
    /// How often it may be tried.
    pub attempts_max: u32,
    /// How long it took now.
    pub took: Duration,
    /// What to type to see the same.
    pub command: Option<String>,
    /// What is wrong, with the last lines as evidence.
    pub errors: Vec<Diagnostic>,
    /// Why it was not run.
    pub reason: Option<String>,
}

impl StepReport {
    /// A step that passed, in one attempt.
    pub(crate) fn passed(id: StepId, took: Duration) -> Self {
        Self {
            id,
            outcome: StepOutcome::Passed,
            cached: false,
            attempts: 1,
            attempts_max: 1,
            took,
            command: None,
            errors: Vec::new(),
            reason: None,
        }
    }

    /// Whether it passed, now or before.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.outcome == StepOutcome::Passed
    }

    /// A step that was not run.
    pub(crate) fn not_run(id: StepId, reason: String) -> Self {
        Self {
            outcome: StepOutcome::NotRun,
            attempts: 0,
            reason: Some(reason),
            ..Self::passed(id, Duration::ZERO)
        }
    }
}

/// Why a step did not pass.
#[derive(Debug)]
pub(crate) struct StepFailure {
    /// [`StepOutcome::Failed`] or [`StepOutcome::Refused`].
    pub(crate) outcome: StepOutcome,
    /// What to type to see the same.
    pub(crate) command: Option<String>,
    /// What is wrong.
    pub(crate) errors: Vec<Diagnostic>,
    /// How often it was tried.
    pub(crate) attempts: u32,
}

impl StepFailure {
    /// Something is wrong with what is checked, or (by whose fault it is) with the machine.
    pub(crate) fn new(errors: Vec<Diagnostic>) -> Self {
        use seaworthy_diagnostics::Fault;
        let machine = |error: &Diagnostic| matches!(error.fault, Fault::Machine | Fault::Seaworthy);
        let outcome = if errors.iter().any(machine) { StepOutcome::Refused } else { StepOutcome::Failed };
        Self { outcome, command: None, errors, attempts: 1 }
    }
}
