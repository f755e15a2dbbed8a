//! The rules that a run's results are of.

use seaworthy_model::finding::{Finding, Severity, Source, rule};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A step that failed and is no test, such as a build.
pub(super) const FAILED_STEP: &str = "failed-step";
/// A step that could not run.
pub(super) const REFUSED_STEP: &str = "refused-step";

/// Each rule once, with the worst finding of it.
pub(super) struct Rules<'a>(BTreeMap<&'a str, &'a Finding>);

impl<'a> Rules<'a> {
    pub(super) fn of(findings: &'a [Finding]) -> Self {
        let mut rules: BTreeMap<&str, &Finding> = BTreeMap::new();
        for finding in findings {
            let worst = rules.entry(&finding.rule).or_insert(finding);
            if finding.severity > worst.severity {
                *worst = finding;
            }
        }
        Self(rules)
    }

    pub(super) fn index(&self, rule: &str) -> usize {
        self.0.keys().position(|known| *known == rule).unwrap_or_default()
    }

    pub(super) fn describe(&self) -> Vec<Value> {
        self.0.iter().map(|(rule, worst)| describe(rule, worst)).collect()
    }
}

fn describe(rule: &str, worst: &Finding) -> Value {
    let text = text(rule).unwrap_or(rule);
    let mut properties = json!({ "tags": tags(worst) });
    if worst.source == Source::Scan {
        // What code scanning sorts by; the middles of the ranges of CVSS.
        let number = match worst.severity {
            Severity::Critical => "9.5",
            Severity::High => "8.0",
            Severity::Medium => "5.5",
            Severity::Low => "2.0",
            Severity::Note => "0.0",
        };
        properties["security-severity"] = json!(number);
    }
    json!({
        "id": rule,
        "shortDescription": { "text": text },
        "fullDescription": { "text": text },
        "defaultConfiguration": { "level": super::level(worst.severity) },
        "properties": properties,
    })
}

fn tags(worst: &Finding) -> Vec<String> {
    let mut tags = vec![worst.source.word().to_owned()];
    if worst.source == Source::Scan {
        tags.push("security".to_owned());
    }
    tags.extend(worst.owasp.map(|owasp| format!("owasp/{owasp}")));
    tags
}

fn text(name: &str) -> Option<&'static str> {
    Some(match name {
        rule::FAILED_TEST => "A test failed",
        rule::FLAKY_TEST => "A test passed, but not at the first attempt",
        rule::UNREADABLE_REPORT => "The report of a service's tests is missing, cannot be read or names no test",
        rule::FAILED_CHECK => "A functional check failed",
        rule::EXPIRED_WAIVER => "A waiver has expired",
        rule::UNUSED_WAIVER => "A waiver fits no finding",
        FAILED_STEP => "A step of the check failed",
        REFUSED_STEP => "A step of the check could not run",
        _ => return None,
    })
}
