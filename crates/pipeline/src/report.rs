//! What became of the steps of one commit.

use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_model::Name;
use seaworthy_model::verdict::{StepKind, StepOutcome, StepReport, TestCase};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How many lines a report has of what is wrong with one step.
const LISTING_MAX: usize = 50;

/// A step: `build web`, `functional`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepId {
    /// What it does.
    pub(crate) kind: StepKind,
    /// For which service.
    pub(crate) service: Option<Name>,
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

    /// What is known of it before it runs.
    pub(crate) fn report(&self) -> StepReport {
        StepReport { service: self.service.clone(), ..StepReport::new(self.to_string(), self.kind) }
    }
}

impl fmt::Display for StepId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.kind {
            StepKind::Validate => "validate",
            StepKind::Build => "build",
            StepKind::Test => "test",
            StepKind::Functional => "functional",
            StepKind::Gates => "gates",
        };
        match &self.service {
            Some(service) => write!(f, "{word} {service}"),
            None => f.write_str(word),
        }
    }
}

/// What is kept of a step that passed, so that it need not run again.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    /// How long it took.
    pub(crate) took_ms: u64,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// The single tests, where they are known.
    pub(crate) cases: Vec<TestCase>,
    /// What is wrong with the report that names them.
    #[serde(default)]
    pub(crate) report_problem: Option<String>,
}

impl Record {
    /// A step that passed at the first attempt.
    pub(crate) fn new(took: Duration) -> Self {
        Self { took_ms: milliseconds(took), attempts: 1, ..Self::default() }
    }

    /// What a report says of it.
    pub(crate) fn fill(self, report: StepReport, cached: bool) -> StepReport {
        let Self { took_ms, attempts, cases, report_problem } = self;
        StepReport { outcome: StepOutcome::Passed, cached, attempts, took_ms, cases, report_problem, ..report }
    }
}

/// A step that has ended, or never began.
#[derive(Debug, Clone)]
pub struct Step {
    /// As the verdict has it.
    pub report: StepReport,
    /// What is wrong, as a person reads it.
    pub errors: Vec<Diagnostic>,
}

/// Why a step did not pass.
#[derive(Debug)]
pub(crate) struct StepFailure {
    /// [`StepOutcome::Failed`] or [`StepOutcome::Refused`].
    pub(crate) outcome: StepOutcome,
    /// What is wrong; the first says it for the report.
    pub(crate) errors: Vec<Diagnostic>,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// The single tests, where they are known.
    pub(crate) cases: Vec<TestCase>,
    /// What is wrong with the report that names them.
    pub(crate) report_problem: Option<String>,
    /// The first of them that did not pass: what to look at first.
    pub(crate) first_case: Option<Box<Diagnostic>>,
}

impl StepFailure {
    /// Something is wrong with what is checked, or (by whose fault it is) with the machine.
    pub(crate) fn new(errors: Vec<Diagnostic>) -> Self {
        let machine = |error: &Diagnostic| matches!(error.fault, Fault::Machine | Fault::Seaworthy);
        let outcome = if errors.iter().any(machine) { StepOutcome::Refused } else { StepOutcome::Failed };
        Self { outcome, errors, attempts: 1, cases: Vec::new(), report_problem: None, first_case: None }
    }

    /// It could not run, whoever's fault that is.
    pub(crate) fn refused(errors: Vec<Diagnostic>) -> Self {
        Self { outcome: StepOutcome::Refused, ..Self::new(errors) }
    }

    /// The step that it ended.
    pub(crate) fn into_step(self, report: StepReport, took: Duration) -> Step {
        let Self { outcome, mut errors, attempts, cases, report_problem, first_case } = self;
        let first = errors.first();
        let report = StepReport {
            outcome,
            attempts,
            cases,
            took_ms: milliseconds(took),
            reason: first.map(|error| error.message.clone()),
            help: first.and_then(|error| error.help.clone()),
            fault: first.map(|error| error.fault),
            last_lines: match first {
                Some(error) if is_list(report.kind, outcome, error, errors.len()) => listing(&errors),
                Some(error) => error.evidence.clone(),
                None => Vec::new(),
            },
            report_problem,
            ..report
        };
        if let Some(error) = first_case {
            errors.insert(0, *error);
        }
        Step { report, errors }
    }
}

/// Whether a report lists all errors: what is wrong with files, and what could not run for several reasons.
fn is_list(kind: StepKind, outcome: StepOutcome, first: &Diagnostic, count: usize) -> bool {
    let of_files = kind == StepKind::Validate && (first.place.is_some() || count > 1);
    of_files || (outcome == StepOutcome::Refused && count > 1)
}

/// Everything that is wrong, for whoever sees the report alone: place, message, evidence and help of each.
fn listing(errors: &[Diagnostic]) -> Vec<String> {
    let mut lines = Vec::new();
    for error in errors {
        let place = error.place.as_ref().map(|place| {
            let before = place.text.get(..place.span.0).unwrap_or_default();
            format!("{}:{}: ", place.file, before.matches('\n').count() + 1)
        });
        lines.push(format!("{}{}", place.unwrap_or_default(), error.message));
        lines.extend(error.evidence.iter().map(|line| format!("  {line}")));
        lines.extend(error.help.iter().map(|help| format!("  help: {help}")));
    }
    if lines.len() > LISTING_MAX {
        let left_out = lines.len() - LISTING_MAX;
        lines.truncate(LISTING_MAX);
        lines.push(format!("and {left_out} more lines"));
    }
    lines
}

/// Whole milliseconds.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
