//! A verdict on a terminal: the first failing test first, with its last lines and what to type; then every step in one
//! line.

use super::Outcome;
use crate::output::{Output, style};
use anstyle::Style;
use seaworthy_diagnostics::render;
use seaworthy_model::verdict::{StepKind, StepOutcome, StepReport, Verdict, VerdictOutcome};
use seaworthy_pipeline::CheckedStep;

/// Prints everything.
pub(crate) fn show(output: Output, outcome: &Outcome) {
    let Outcome { verdict, steps, stopped, .. } = outcome;
    if let Some(first) = first(steps) {
        for error in &first.errors {
            output.data(render(error, true).trim_end());
        }
        output.data("");
    }
    for step in ordered(verdict) {
        output.data(&line(step, first(steps).is_some_and(|first| first.report.id == step.id)));
    }
    super::findings::show(output, verdict);
    if *stopped {
        output.data("\nthe check was stopped: what has passed is kept, and the next one goes on from there");
    }
    output.data(&format!("\n{}", summary(verdict, *stopped)));
}

/// The step to look at first: a test that failed, else anything that did, else what could not run.
fn first(steps: &[CheckedStep]) -> Option<&CheckedStep> {
    let failed = |step: &&CheckedStep| step.report.outcome == StepOutcome::Failed;
    let tests = |step: &&CheckedStep| failed(step) && step.report.kind == StepKind::Test;
    let refused = |step: &&CheckedStep| step.report.outcome == StepOutcome::Refused;
    steps.iter().find(tests).or_else(|| steps.iter().find(failed)).or_else(|| steps.iter().find(refused))
}

/// What needs somebody first.
fn ordered(verdict: &Verdict) -> Vec<&StepReport> {
    let mut steps: Vec<&StepReport> = verdict.steps.iter().collect();
    steps.sort_by_key(|step| match step.outcome {
        StepOutcome::Failed => 0,
        StepOutcome::Refused => 1,
        StepOutcome::Passed | StepOutcome::NotRun => 2,
    });
    steps
}

fn line(step: &StepReport, is_told: bool) -> String {
    let (style, word) = word(step);
    let mut line = format!("{style}{word:>9}{style:#} {}", step.id);
    if step.attempts > 1 {
        line.push_str(&match step.outcome {
            StepOutcome::Passed => format!(", passed on attempt {} of {}", step.attempts, step.attempts_max),
            _ => format!(", after {} attempts", step.attempts),
        });
    }
    match step.outcome {
        StepOutcome::Passed if !step.cached => line.push_str(&format!(" in {}", seconds(step.took_ms))),
        StepOutcome::Failed | StepOutcome::Refused if is_told => {}
        _ => {
            if let Some(reason) = &step.reason {
                line.push_str(&format!(": {reason}"));
            }
            if let Some(command) = step.by_hand().filter(|_| step.outcome == StepOutcome::Failed) {
                line.push_str(&format!(" (`{command}`)"));
            }
        }
    }
    line
}

fn word(step: &StepReport) -> (Style, &'static str) {
    match step.outcome {
        StepOutcome::Failed => (style::BAD, "failed"),
        StepOutcome::Refused => (style::BAD, "refused"),
        StepOutcome::NotRun => (style::DIM, "not run"),
        StepOutcome::Passed if step.attempts > 1 => (style::WARN, "flaky"),
        StepOutcome::Passed if step.cached => (style::DIM, "cached"),
        StepOutcome::Passed => (style::GOOD, "passed"),
    }
}

fn summary(verdict: &Verdict, stopped: bool) -> String {
    let (style, word) = match verdict.outcome {
        _ if stopped => (style::WARN, "stopped"),
        VerdictOutcome::Passed => (style::GOOD, "passed"),
        VerdictOutcome::Failed => (style::BAD, "failed"),
        VerdictOutcome::Refused => (style::BAD, "refused"),
    };
    let mut parts = Vec::new();
    if let Some(release) = &verdict.release {
        parts.push(format!("release {}", release.short()));
    }
    if let Some(commit) = &verdict.commit {
        let caveat = match (verdict.dirty, verdict.unlocked) {
            (true, _) => " with changes that no commit has",
            (false, true) => " with a base that is not locked in it",
            (false, false) => "",
        };
        parts.push(format!("commit {}{caveat}", &commit[..commit.len().min(10)]));
    }
    parts.push(seconds(verdict.took_ms));
    format!("{style}{word}{style:#}: {}", parts.join(", "))
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
}
