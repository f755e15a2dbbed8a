//! Any bytes as a report of tests: read or refused, within the limits, and written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_model::judge::{Evidence, judge};
use seaworthy_model::verdict::{StepKind, StepOutcome, StepReport};
use seaworthy_model::{Date, gate::Gates};
use seaworthy_reports::limits::{CASES_MAX, DETAILS_BYTES_SUM, NAME_BYTES_MAX, SUMMARY_BYTES_MAX};
use seaworthy_reports::{junit, markdown, sarif};

fuzz_target!(|bytes: &[u8]| {
    let report = junit::read(bytes);
    assert!(report.cases.len() <= CASES_MAX);
    assert!(report.cases.iter().all(|case| case.name.len() <= NAME_BYTES_MAX));
    let details: usize = report.cases.iter().filter_map(|case| case.details.as_ref()).map(String::len).sum();
    assert!(details <= DETAILS_BYTES_SUM);
    let bad = report.cases.iter().any(|case| case.is_bad());
    let outcome = if bad { StepOutcome::Failed } else { StepOutcome::Passed };
    let names: Vec<String> = report.cases.iter().map(|case| case.name.clone()).collect();
    let step = StepReport { outcome, attempts: 1, cases: report.cases, ..StepReport::new("test web", StepKind::Test) };
    let evidence = Evidence {
        app: None,
        commit: None,
        dirty: false,
        unlocked: false,
        release: None,
        started_at: "2026-11-27T12:00:00.000000Z".to_owned(),
        took_ms: 1,
        steps: vec![step],
        found: Vec::new(),
    };
    let today = Date::parse("2026-11-27").expect("a day");
    let verdict = judge(evidence, &Gates::default(), &Default::default(), today);
    assert!(markdown::write(&verdict).len() <= SUMMARY_BYTES_MAX);
    assert!(serde_json::from_str::<serde_json::Value>(&sarif::write(&verdict, "", "0.1.0")).is_ok());
    let again = junit::read(junit::write(&verdict).as_bytes());
    assert!(again.problem.is_none());
    let read: Vec<&str> = again.cases.iter().map(|case| case.name.as_str()).collect();
    assert!(names.is_empty() || read[..names.len()] == names[..]);
});
