//! Findings on a terminal: what no step has told already, what is waived, and what would stop which environment.

use crate::output::{Output, style};
use anstyle::Style;
use seaworthy_model::finding::{Finding, Severity, rule};
use seaworthy_model::gate::Waived;
use seaworthy_model::verdict::{StepOutcome, Verdict};
use seaworthy_reports::text::one_line;

/// More of them than anybody reads: `--json` and the reports have all.
const LINES_MAX: usize = 50;
/// What fits a line of a terminal, more or less.
const MESSAGE_BYTES_MAX: usize = 400;

/// Prints them; nothing where there are none.
pub(super) fn show(output: Output, verdict: &Verdict) {
    let of_steps = [rule::FAILED_TEST, rule::FAILED_CHECK];
    let told: Vec<&Finding> = verdict.findings.iter().filter(|it| !of_steps.contains(&it.rule.as_str())).collect();
    if !told.is_empty() {
        output.data("");
        told.iter().take(LINES_MAX).for_each(|finding| output.data(&line(finding)));
    }
    if told.len() > LINES_MAX {
        output.data(&format!("{:>9} {} more: `--json` has them", "", told.len() - LINES_MAX));
    }
    let dim = style::DIM;
    for Waived { finding, waiver } in verdict.gates.release.waived.iter().take(LINES_MAX) {
        let named = verdict.findings.iter().find(|known| known.fingerprint() == *finding);
        let what = named.map_or(finding.as_str(), |known| known.rule.as_str());
        let (owner, reason) = (&waiver.owner, &waiver.reason);
        let word = format!("{dim}{:>9}{dim:#}", "waived");
        output.data(&format!("{word} {what} until {} by {owner}: {reason}", waiver.expires));
    }
    for (environment, decision) in &verdict.gates.environments {
        // Where the release itself is stopped, so is every environment.
        let stopped = decision.stopped_by.len();
        let is_new = stopped > verdict.gates.release.stopped_by.len()
            || verdict.steps.iter().all(|step| step.outcome == StepOutcome::Passed);
        if stopped > 0 && is_new {
            let warn = style::WARN;
            let what = if stopped == 1 { "a finding stops".to_owned() } else { format!("{stopped} findings stop") };
            output.data(&format!("{warn}{:>9}{warn:#} {what} it in `{environment}`", "gate"));
        }
    }
}

fn line(finding: &Finding) -> String {
    let style = colour(finding.severity);
    let service = finding.service.as_ref().map(|service| format!(" {service}")).unwrap_or_default();
    let place = finding.place().map(|place| format!(" {}", one_line(&place, MESSAGE_BYTES_MAX))).unwrap_or_default();
    let owasp = finding.owasp.map(|owasp| format!(" ({owasp})")).unwrap_or_default();
    let message = one_line(&finding.message, MESSAGE_BYTES_MAX);
    let (severity, rule, print) = (finding.severity.word(), &finding.rule, finding.fingerprint());
    format!("{style}{severity:>9}{style:#} {rule}{owasp}{service}{place}: {message} [{print}]")
}

fn colour(severity: Severity) -> Style {
    match severity {
        Severity::Critical | Severity::High => style::BAD,
        Severity::Medium => style::WARN,
        Severity::Low | Severity::Note => style::DIM,
    }
}
