//! Writing: a suite for each step, with its tests, or with the step itself as the one test.

use crate::limits::{DETAILS_BYTES_MAX, MESSAGE_BYTES_MAX, NAME_BYTES_MAX};
use crate::text::{clean, cut_middle, one_line};
use quick_xml::escape::escape;
use seaworthy_model::verdict::{CaseOutcome, StepOutcome, StepReport, TestCase, Verdict};
use std::fmt::Write as _;

/// The whole verdict as JUnit's XML.
#[must_use]
pub fn write(verdict: &Verdict) -> String {
    let suites: Vec<(&StepReport, Vec<TestCase>)> = verdict.steps.iter().map(|step| (step, cases(step))).collect();
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let name = verdict.app.as_ref().map_or("seaworthy", |app| app.as_str());
    let all = suites.iter().flat_map(|(_, cases)| cases);
    let head = [("name", name.to_owned())]
        .into_iter()
        .chain(counts(&all))
        .chain([("time", seconds(verdict.took_ms)), ("timestamp", timestamp(&verdict.started_at))]);
    open(&mut xml, 0, "testsuites", head);
    xml.push_str(">\n");
    for (step, cases) in &suites {
        suite(&mut xml, verdict, step, cases);
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// The tests of a step. Where none says what is wrong with it, the step does.
fn cases(step: &StepReport) -> Vec<TestCase> {
    let told = step.cases.iter().any(TestCase::is_bad);
    let mut cases = step.cases.clone();
    if cases.is_empty() || (step.outcome != StepOutcome::Passed && !told) {
        let outcome = match step.outcome {
            StepOutcome::Passed => CaseOutcome::Passed,
            StepOutcome::Failed => CaseOutcome::Failed,
            StepOutcome::Refused => CaseOutcome::Error,
            StepOutcome::NotRun => CaseOutcome::Skipped,
        };
        cases.push(TestCase {
            name: step.id.clone(),
            outcome,
            took_ms: Some(step.took_ms),
            message: step.reason.clone(),
            details: Some(step.last_lines.join("\n")).filter(|lines| !lines.is_empty()),
            ..TestCase::default()
        });
    }
    cases
}

fn suite(xml: &mut String, verdict: &Verdict, step: &StepReport, cases: &[TestCase]) {
    let head = [("name", step.id.clone())]
        .into_iter()
        .chain(counts(&cases.iter()))
        .chain([("time", seconds(step.took_ms)), ("timestamp", timestamp(&verdict.started_at))]);
    open(xml, 2, "testsuite", head);
    xml.push_str(">\n");
    let attempts = format!("{} of {}", step.attempts, step.attempts_max);
    let known = [
        ("attempts", (step.attempts > 1).then_some(attempts)),
        ("cached", step.cached.then(|| "true".to_owned())),
        ("command", step.by_hand()),
    ];
    if known.iter().any(|(_, value)| value.is_some()) {
        xml.push_str("    <properties>\n");
        for (name, value) in known.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            open(xml, 6, "property", [("name", name.to_owned()), ("value", value)]);
            xml.push_str("/>\n");
        }
        xml.push_str("    </properties>\n");
    }
    for test in cases {
        case(xml, step, test);
    }
    xml.push_str("  </testsuite>\n");
}

fn case(xml: &mut String, step: &StepReport, case: &TestCase) {
    let class = case.class.clone().unwrap_or_else(|| step.id.clone());
    let place = [("file", case.file.clone()), ("line", case.line.map(|line| line.to_string()))];
    let head = [("name", case.name.clone()), ("classname", class), ("time", seconds(case.took_ms.unwrap_or(0)))];
    let place = place.into_iter().filter_map(|(name, value)| Some((name, value?)));
    open(xml, 4, "testcase", head.into_iter().chain(place));
    let element = match case.outcome {
        CaseOutcome::Passed if case.failed_attempts > 0 => "flakyFailure",
        CaseOutcome::Passed => {
            xml.push_str("/>\n");
            return;
        }
        CaseOutcome::Failed => "failure",
        CaseOutcome::Error => "error",
        CaseOutcome::Skipped => "skipped",
    };
    xml.push_str(">\n");
    let message = case.message.as_deref().unwrap_or_default();
    // Each attempt that failed is an element; all have the one evidence that is kept.
    let times = if element == "flakyFailure" { case.failed_attempts.min(10) } else { 1 };
    for _ in 0..times {
        let head = [("message", one_line(message, MESSAGE_BYTES_MAX)), ("type", element.to_owned())];
        open(xml, 6, element, head);
        match &case.details {
            Some(details) => {
                let text = cut_middle(&clean(details), DETAILS_BYTES_MAX);
                let _ = writeln!(xml, ">{}</{element}>", escape(text.as_str()));
            }
            None => xml.push_str("/>\n"),
        }
    }
    xml.push_str("    </testcase>\n");
}

/// A start tag without its end.
fn open<'a>(xml: &mut String, indent: usize, name: &str, attributes: impl IntoIterator<Item = (&'a str, String)>) {
    let _ = write!(xml, "{:indent$}<{name}", "");
    for (name, value) in attributes {
        let _ = write!(xml, " {name}=\"{}\"", escape(one_line(&value, NAME_BYTES_MAX.max(MESSAGE_BYTES_MAX)).as_str()));
    }
}

fn counts<'a>(cases: &(impl Iterator<Item = &'a TestCase> + Clone)) -> [(&'static str, String); 4] {
    let of = |outcome| cases.clone().filter(|case| case.outcome == outcome).count().to_string();
    let all = cases.clone().count().to_string();
    [
        ("tests", all),
        ("failures", of(CaseOutcome::Failed)),
        ("errors", of(CaseOutcome::Error)),
        ("skipped", of(CaseOutcome::Skipped)),
    ]
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000)
}

/// ISO 8601 without fractions or zone (UTC), as the readers' schemas want it.
fn timestamp(rfc3339: &str) -> String {
    rfc3339.get(..19).unwrap_or(rfc3339).to_owned()
}
