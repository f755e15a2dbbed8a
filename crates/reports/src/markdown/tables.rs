//! The tables of the summary.

use super::escape::cell;
use super::{Summary, step_word, took};
use crate::text::one_line;
use seaworthy_model::finding::Finding;
use seaworthy_model::gate::{Waived, in_order};
use seaworthy_model::verdict::{CaseOutcome, StepReport, TestCase, Verdict};

const CELL_BYTES_MAX: usize = 300;
/// The first failure is told at length; of the others, as many as somebody reads.
const FAILURES_MAX: usize = 50;
const FINDINGS_MAX: usize = 100;

fn text(text: &str) -> String {
    cell(&one_line(text, CELL_BYTES_MAX))
}

pub(super) fn steps(verdict: &Verdict, summary: &mut Summary) {
    let rows = verdict.steps.iter().map(|step| {
        let time = if step.cached { "unchanged".to_owned() } else { took(step.took_ms) };
        format!("| {} | {} | {time} | {} |\n", text(&step.id), step_word(step.outcome), remark(step))
    });
    summary.table("Steps", "| step | outcome | time | |", rows);
}

fn remark(step: &StepReport) -> String {
    let mut remarks = Vec::new();
    if step.attempts > 1 {
        remarks.push(format!("attempt {} of {}", step.attempts, step.attempts_max));
    }
    if !step.cases.is_empty() {
        let of = |outcome| step.cases.iter().filter(|case| case.outcome == outcome).count();
        let bad = step.cases.iter().filter(|case| case.is_bad()).count();
        let counts = [("passed", of(CaseOutcome::Passed)), ("failed", bad), ("skipped", of(CaseOutcome::Skipped))];
        let counts = counts.iter().filter(|(_, count)| *count > 0).map(|(word, count)| format!("{count} {word}"));
        remarks.push(format!("tests: {}", counts.collect::<Vec<_>>().join(", ")));
    }
    remarks.extend(step.reason.as_ref().map(|reason| text(reason)));
    remarks.join("; ")
}

pub(super) fn other_failures(verdict: &Verdict, summary: &mut Summary) {
    let bad =
        verdict.steps.iter().flat_map(|step| step.cases.iter().filter(|case| case.is_bad()).map(move |c| (step, c)));
    let row = |(step, case): (&StepReport, &TestCase)| {
        let message = case.message.as_ref().map(|message| text(message)).unwrap_or_default();
        format!("| {} | {} | {message} |\n", text(&step.id), text(&case.title()))
    };
    let several = bad.clone().nth(1).is_some();
    let rows = bad.map(row).take(if several { FAILURES_MAX } else { 0 });
    summary.table("Failed tests", "| step | test | message |", rows);
}

pub(super) fn findings(verdict: &Verdict, summary: &mut Summary) {
    let findings = in_order(&verdict.findings).into_iter().take(FINDINGS_MAX);
    summary.table("Findings", "| severity | rule | where | what | fingerprint |", findings.map(finding));
}

fn finding(finding: &Finding) -> String {
    let service = finding.service.as_ref().map(|service| service.to_string());
    let place: Vec<String> = service.into_iter().chain(finding.place()).map(|part| text(&part)).collect();
    let owasp = finding.owasp.map(|owasp| format!(" ({owasp})")).unwrap_or_default();
    format!(
        "| {} | {}{owasp} | {} | {} | {} |\n",
        finding.severity,
        text(&finding.rule),
        place.join(" "),
        text(&finding.message),
        cell(&finding.fingerprint()),
    )
}

pub(super) fn waived(verdict: &Verdict, summary: &mut Summary) {
    let rows = verdict.gates.release.waived.iter().map(|Waived { finding, waiver }| {
        let named = verdict.findings.iter().find(|known| known.fingerprint() == *finding);
        let what = named.map_or(finding.as_str(), |finding| finding.message.as_str());
        format!("| {} | {} | {} | {} |\n", text(what), text(&waiver.reason), text(&waiver.owner), waiver.expires)
    });
    summary.table("Waived", "| finding | reason | owner | until |", rows);
}
