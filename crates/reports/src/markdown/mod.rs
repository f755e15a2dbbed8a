//! A summary for a pull request: the verdict first, then what failed with its last lines, then everything in tables.

mod escape;
mod tables;

use crate::limits::SUMMARY_BYTES_MAX;
use crate::text::{clean, cut_middle, one_line};
use escape::{code, fence};
use seaworthy_model::gate::Decision;
use seaworthy_model::verdict::{StepKind, StepOutcome, StepReport, Verdict, VerdictOutcome};
use std::fmt::Write as _;

/// The most evidence of the first failure, and of each other, in bytes.
const EVIDENCE_BYTES_MAX: (usize, usize) = (12 << 10, 2 << 10);
/// Failed steps that are told with their last lines; the tables have all.
const FAILURES_MAX: usize = 5;
/// What always has room at the end.
const LAST_BYTES: usize = 200;

/// The summary, at most [`SUMMARY_BYTES_MAX`] long. Whatever tests print stays what it is: text.
#[must_use]
pub fn write(verdict: &Verdict) -> String {
    let mut summary = Summary { text: String::new(), left_out: false };
    summary.push(&head(verdict));
    for (index, step) in failures(verdict).into_iter().take(FAILURES_MAX).enumerate() {
        let (of_first, of_others) = EVIDENCE_BYTES_MAX;
        summary.push(&failure(step, if index == 0 { of_first } else { of_others }));
    }
    summary.push(&stopped(verdict));
    tables::steps(verdict, &mut summary);
    tables::other_failures(verdict, &mut summary);
    tables::findings(verdict, &mut summary);
    tables::waived(verdict, &mut summary);
    summary.finish()
}

/// Text with a limit: what does not fit is left out whole, so that no table or fence stays open.
pub(crate) struct Summary {
    text: String,
    left_out: bool,
}

impl Summary {
    fn push(&mut self, block: &str) -> bool {
        let fits = self.text.len() + block.len() + LAST_BYTES <= SUMMARY_BYTES_MAX;
        if fits {
            self.text.push_str(block);
        } else {
            self.left_out = true;
        }
        fits
    }

    /// A heading and a table, as many rows as fit.
    fn table(&mut self, title: &str, columns: &str, rows: impl Iterator<Item = String>) {
        let mut rows = rows.peekable();
        if rows.peek().is_none() {
            return;
        }
        let rule = "|---".repeat(columns.matches('|').count() - 1);
        if self.push(&format!("\n### {title}\n\n{columns}\n{rule}|\n")) {
            // One row that does not fit ends the table: the first rows are the ones that matter.
            while rows.next().is_some_and(|row| self.push(&row)) {}
        }
    }

    fn finish(mut self) -> String {
        if self.left_out {
            self.text.push_str("\n*There is more than fits here: `seaworthy check` shows all of it.*\n");
        }
        self.text
    }
}

fn head(verdict: &Verdict) -> String {
    let word = match verdict.outcome {
        VerdictOutcome::Passed => "passed",
        VerdictOutcome::Failed => "failed",
        VerdictOutcome::Refused => "could not be found out",
    };
    let app = verdict.app.as_ref().map(|app| format!(" {}", code(app.as_str()))).unwrap_or_default();
    let mut facts = Vec::new();
    if let Some(commit) = &verdict.commit {
        let changed = if verdict.dirty { " with changes that are not committed" } else { "" };
        facts.push(format!("commit {}{changed}", code(commit.get(..12).unwrap_or(commit))));
    }
    facts.extend(verdict.release.as_ref().map(|release| format!("release {}", code(release.short()))));
    facts.push(format!("took {}", took(verdict.took_ms)));
    let cached = verdict.steps.iter().filter(|step| step.cached).count();
    if cached > 0 {
        facts.push(format!("{cached} of {} steps unchanged", verdict.steps.len()));
    }
    format!("## seaworthy check{app}: {word}\n\n{}\n", facts.join(", "))
}

/// What somebody should look at, in that order: tests that failed, what else did, what could not run.
fn failures(verdict: &Verdict) -> Vec<&StepReport> {
    let bad = |step: &&StepReport| matches!(step.outcome, StepOutcome::Failed | StepOutcome::Refused);
    let mut steps: Vec<&StepReport> = verdict.steps.iter().filter(bad).collect();
    steps.sort_by_key(|step| (step.outcome == StepOutcome::Refused, step.kind != StepKind::Test));
    steps
}

fn failure(step: &StepReport, evidence_bytes_max: usize) -> String {
    let mut text = String::new();
    let case = step.cases.iter().find(|case| case.is_bad());
    let (what, why, evidence) = match case {
        Some(case) => {
            let place = case.file.as_ref().map(|file| match case.line {
                Some(line) => format!(", {}", code(&format!("{file}:{line}"))),
                None => format!(", {}", code(file)),
            });
            let title = code(&one_line(&case.title(), 300));
            let what = format!("{title} in {}{}", code(&step.id), place.unwrap_or_default());
            (what, case.message.as_ref(), case.details.clone())
        }
        None => (code(&step.id), step.reason.as_ref(), None),
    };
    let word = if step.outcome == StepOutcome::Refused { "could not run" } else { "failed" };
    let _ = write!(text, "\n### {what} {word}\n");
    if let Some(why) = why {
        let _ = write!(text, "\n{}\n", code(&one_line(why, 1000)));
    }
    let evidence = evidence.unwrap_or_else(|| step.last_lines.join("\n"));
    let evidence = cut_middle(&clean(&evidence), evidence_bytes_max);
    if !evidence.trim().is_empty() {
        let _ = write!(text, "\n{}", fence(&evidence));
    }
    let command = step.by_hand();
    if let Some(command) = &command {
        let _ = write!(text, "\nBy hand: {}\n", code(&one_line(command, 500)));
    }
    // Mostly the same command again.
    if let Some(help) = step.help.as_ref().filter(|help| command.as_ref().is_none_or(|it| !help.contains(it.as_str())))
    {
        let _ = write!(text, "\nHelp: {}\n", code(&one_line(help, 500)));
    }
    text
}

/// What the gates say, in a sentence each.
fn stopped(verdict: &Verdict) -> String {
    let of = |what: String, decision: &Decision| match decision.stopped_by.as_slice() {
        [] => String::new(),
        [_] => format!("* One finding stops {what}\n"),
        several => format!("* {} findings stop {what}\n", several.len()),
    };
    let release = of("the release".to_owned(), &verdict.gates.release);
    let environments = verdict.gates.environments.iter().map(|(name, said)| of(code(name.as_str()), said));
    let lines: String = std::iter::once(release).chain(environments).collect();
    if lines.is_empty() { lines } else { format!("\n{lines}") }
}

fn took(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..100_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {} s", milliseconds / 60_000, milliseconds % 60_000 / 1_000),
    }
}

fn step_word(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Passed => "passed",
        StepOutcome::Failed => "**failed**",
        StepOutcome::Refused => "**could not run**",
        StepOutcome::NotRun => "not run",
    }
}
