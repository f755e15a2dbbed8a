//! SARIF 2.1.0: what code scanning reads. <https://docs.oasis-open.org/sarif/sarif/v2.1.0/>

mod rules;

use crate::limits::{MESSAGE_BYTES_MAX, RESULTS_MAX};
use crate::text::{clean, cut, one_line};
use seaworthy_model::finding::{Finding, Severity, Source};
use seaworthy_model::gate::{Waived, in_order};
use seaworthy_model::manifest::MANIFEST_FILE;
use seaworthy_model::verdict::{StepKind, StepOutcome, Verdict, VerdictOutcome};
use serde_json::{Map, Value, json};

const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The verdict's findings, and the steps that failed without one. `folder` is the manifest's, relative to the
/// repository's root (empty: the root itself); `version` is the program's.
#[must_use]
pub fn write(verdict: &Verdict, folder: &str, version: &str) -> String {
    let mut findings: Vec<Finding> = in_order(&verdict.findings).into_iter().cloned().collect();
    findings.extend(steps_without_findings(verdict));
    findings.truncate(RESULTS_MAX);
    let rules = rules::Rules::of(&findings);
    let waived = |finding: &Finding| {
        let print = finding.fingerprint();
        verdict.gates.release.waived.iter().find(|waived| waived.finding == print)
    };
    let results: Vec<Value> =
        findings.iter().map(|finding| result(finding, folder, rules.index(&finding.rule), waived(finding))).collect();
    let app = verdict.app.as_ref().map_or("seaworthy", |app| app.as_str());
    let mut invocation = json!({
        "executionSuccessful": verdict.outcome != VerdictOutcome::Refused,
        "exitCode": match verdict.outcome {
            VerdictOutcome::Passed => 0,
            VerdictOutcome::Failed => 1,
            VerdictOutcome::Refused => 2,
        },
    });
    if !verdict.started_at.is_empty() {
        invocation["startTimeUtc"] = json!(verdict.started_at);
    }
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "seaworthy",
                "semanticVersion": version,
                "rules": rules.describe(),
            } },
            // Runs of the same app replace each other; those of others in the same repository stay.
            "automationDetails": { "id": format!("seaworthy/{app}/") },
            "invocations": [invocation],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    format!("{document:#}\n")
}

/// A build that fails is no finding of a scanner's kind, but whoever looks here must see it.
fn steps_without_findings(verdict: &Verdict) -> impl Iterator<Item = Finding> {
    let silent = [StepKind::Validate, StepKind::Build];
    verdict
        .steps
        .iter()
        .filter(move |step| match step.outcome {
            StepOutcome::Failed => silent.contains(&step.kind),
            StepOutcome::Refused => true,
            StepOutcome::Passed | StepOutcome::NotRun => false,
        })
        .map(|step| {
            let (rule, word) = match step.outcome {
                StepOutcome::Refused => (rules::REFUSED_STEP, "could not run"),
                _ => (rules::FAILED_STEP, "failed"),
            };
            let why = step.reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
            let finding = Finding::new(Source::Test, rule, Severity::High, format!("`{}` {word}{why}", step.id))
                .of_service(step.service.as_ref())
                .about(step.id.as_str());
            match &step.help {
                Some(help) => finding.help(help.as_str()),
                None => finding,
            }
        })
}

fn result(finding: &Finding, folder: &str, rule: usize, waived: Option<&Waived>) -> Value {
    let mut message = one_line(&finding.message, MESSAGE_BYTES_MAX);
    if let Some(help) = &finding.help {
        message = format!("{message}\nhelp: {}", cut(&clean(help), MESSAGE_BYTES_MAX));
    }
    let mut properties = Map::new();
    properties.insert("severity".into(), json!(finding.severity));
    properties.insert("source".into(), json!(finding.source));
    properties.extend(finding.service.as_ref().map(|service| ("service".into(), json!(service))));
    properties.extend(finding.subject.as_ref().map(|subject| ("subject".into(), json!(clean(subject)))));
    properties.extend(finding.owasp.map(|owasp| ("owasp".into(), json!(format!("{owasp} {}", owasp.title())))));
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": level(finding.severity),
        "message": { "text": message },
        "locations": [location(finding, folder)],
        "partialFingerprints": { "seaworthy/v1": finding.fingerprint() },
        "properties": properties,
    });
    if let Some(Waived { waiver, .. }) = waived {
        let justification = format!("{} (`{}`, until {})", waiver.reason, waiver.owner, waiver.expires);
        result["suppressions"] = json!([{
            "kind": "external", "status": "accepted", "justification": justification,
        }]);
    }
    result
}

/// Code scanning leaves out results without a place: what has none is shown at the manifest.
fn location(finding: &Finding, folder: &str) -> Value {
    let file = finding.file.as_deref().unwrap_or(MANIFEST_FILE);
    let folder = folder.trim_matches('/');
    let path = if folder.is_empty() || folder == "." { file.to_owned() } else { format!("{folder}/{file}") };
    let line = if finding.file.is_some() { finding.line.unwrap_or(1) } else { 1 };
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": encoded(&path), "uriBaseId": "%SRCROOT%" },
        "region": { "startLine": line.max(1) },
    } })
}

/// A path as a relative reference (RFC 3986 section 4.2): a colon in its first segment would make a scheme of it.
fn encoded(path: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=@".contains(&byte);
    let mut uri = String::with_capacity(path.len());
    for byte in path.trim_start_matches('/').bytes() {
        if plain(byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "note",
    }
}
