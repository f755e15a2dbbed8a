//! What is written, and that what comes from outside stays text in it.

mod support;

use proptest::prelude::*;
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag};
use seaworthy_model::verdict::{CaseOutcome, StepKind, StepOutcome, TestCase, Verdict};
use seaworthy_reports::limits::SUMMARY_BYTES_MAX;
use seaworthy_reports::text::{clean, one_line};
use seaworthy_reports::{junit, markdown, sarif};
use support::{bad, case, good, hostile_verdict, step, verdict};

#[test]
fn junit_of_a_bad_commit() {
    insta::assert_snapshot!(junit::write(&bad()));
}

#[test]
fn sarif_of_a_bad_commit() {
    insta::assert_snapshot!(sarif::write(&bad(), "apps/shop/", "0.1.0"));
}

#[test]
fn markdown_of_a_bad_commit() {
    insta::assert_snapshot!(markdown::write(&bad()));
}

#[test]
fn markdown_of_a_good_commit() {
    insta::assert_snapshot!(markdown::write(&good()));
}

#[test]
fn a_manifest_that_cannot_be_read_has_a_summary_too() {
    let mut step = step("validate", StepKind::Validate, StepOutcome::Failed);
    step.reason = Some("`seaworthy.toml` has 2 errors".to_owned());
    step.last_lines = vec!["error: unknown key `bild`".to_owned()];
    let mut verdict = verdict(vec![step]);
    (verdict.app, verdict.release, verdict.commit) = (None, None, None);
    insta::assert_snapshot!(markdown::write(&verdict));
}

#[test]
fn a_summary_fits_however_much_there_is() {
    let long = "x`|".repeat(2_000);
    let failed = |index: usize| TestCase {
        message: Some(long.clone()),
        details: Some(long.clone()),
        ..case(&format!("{index}{long}"), CaseOutcome::Failed)
    };
    let steps = (0..500).map(|index| {
        let mut step = step("test web", StepKind::Test, StepOutcome::Failed);
        step.reason = Some(long.clone());
        step.cases = if index < 5 { (0..100).map(failed).collect() } else { Vec::new() };
        step
    });
    let summary = markdown::write(&verdict(steps.collect()));
    assert!(summary.len() <= SUMMARY_BYTES_MAX, "{}", summary.len());
    assert!(summary.len() > SUMMARY_BYTES_MAX / 2, "{}", summary.len());
    assert!(summary.ends_with("shows all of it.*\n"));
    check_markdown(&summary).expect("text");
}

/// Nothing but headings, tables, lists and code of our own: no HTML, no link, no image, no indented block.
fn check_markdown(summary: &str) -> Result<(), TestCaseError> {
    let mut headings = 0;
    for event in Parser::new_ext(summary, Options::ENABLE_TABLES) {
        match event {
            Event::Html(html) | Event::InlineHtml(html) => {
                return Err(TestCaseError::fail(format!("HTML: {html:?} in\n{summary}")));
            }
            Event::Start(Tag::Link { .. } | Tag::Image { .. } | Tag::BlockQuote(_) | Tag::HtmlBlock) => {
                return Err(TestCaseError::fail(format!("a link, an image or a quote in\n{summary}")));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Indented)) => {
                return Err(TestCaseError::fail(format!("an indented block in\n{summary}")));
            }
            Event::Start(Tag::Heading { .. }) => headings += 1,
            Event::Text(text) => prop_assert_eq!(clean(&text), text.to_string()),
            _ => {}
        }
    }
    prop_assert!((2..=10).contains(&headings), "{} headings in\n{}", headings, summary);
    Ok(())
}

/// The text outside of code, which must be ours.
fn outside_of_code(summary: &str) -> String {
    let mut in_block = false;
    let mut text = String::new();
    for event in Parser::new_ext(summary, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::CodeBlock(_)) => in_block = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => in_block = false,
            Event::Text(part) if !in_block => text.push_str(&part),
            _ => {}
        }
    }
    text
}

fn rows(summary: &str) -> usize {
    let events = Parser::new_ext(summary, Options::ENABLE_TABLES);
    events.filter(|event| matches!(event, Event::Start(Tag::TableRow))).count()
}

/// What one reads back: the tests of steps that have some.
fn comparable(case: &TestCase) -> (String, CaseOutcome, bool) {
    (one_line(&case.name, 500), case.outcome, case.failed_attempts > 0)
}

fn check_junit(verdict: &Verdict) -> Result<(), TestCaseError> {
    let xml = junit::write(verdict);
    let report = junit::read(xml.as_bytes());
    prop_assert_eq!(report.problem, None, "{}", xml);
    for step in &verdict.steps {
        for (index, case) in step.cases.iter().enumerate() {
            let of_step: Vec<&TestCase> =
                report.cases.iter().filter(|read| read.suite.as_deref() == Some(step.id.as_str())).collect();
            let (mut expected, read) = (comparable(case), comparable(of_step[index]));
            if expected.0.is_empty() {
                expected.0 = "a test without a name".to_owned();
            }
            if expected.1 != CaseOutcome::Passed {
                expected.2 = false;
            }
            prop_assert_eq!(read, expected, "{}", xml);
        }
        let bad = report.cases.iter().any(|case| case.suite.as_deref() == Some(step.id.as_str()) && case.is_bad());
        prop_assert_eq!(bad, step.outcome == StepOutcome::Failed || step.cases.iter().any(TestCase::is_bad));
    }
    Ok(())
}

proptest! {
    #[test]
    fn what_tests_print_stays_text_in_markdown(verdict in hostile_verdict()) {
        let summary = markdown::write(&verdict);
        check_markdown(&summary)?;
        let outside = outside_of_code(&summary);
        for foreign in ["script", "@everyone", "e.example", "/close", ":tada:", "alert"] {
            prop_assert!(!outside.contains(foreign), "{} outside of code in\n{}", foreign, summary);
        }
        // Every step and every finding is one row, whatever it holds.
        let bad = verdict.steps[0].cases.iter().filter(|case| case.is_bad()).count();
        let others = if bad > 1 { bad } else { 0 };
        prop_assert_eq!(rows(&summary), verdict.steps.len() + others + verdict.findings.len(), "\n{}", summary);
    }

    #[test]
    fn what_is_written_as_junit_is_read_again(verdict in hostile_verdict()) {
        check_junit(&verdict)?;
    }

    #[test]
    fn sarif_is_json_with_places_below_the_root(verdict in hostile_verdict()) {
        let document: serde_json::Value = serde_json::from_str(&sarif::write(&verdict, "a", "0.1.0")).expect("JSON");
        for result in document["runs"][0]["results"].as_array().expect("results") {
            let uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str().expect("a place");
            prop_assert!(uri.starts_with("a/") && uri.is_ascii() && !uri.contains([' ', ':', '<', '\\']), "{}", uri);
            let line = result["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64();
            prop_assert!(line.is_some_and(|line| line >= 1));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = junit::read(&bytes);
    }

    #[test]
    fn broken_reports_are_read_as_far_as_they_go(
        at in any::<proptest::sample::Index>(), length in 0_usize..40, with in support::hostile(),
    ) {
        let text = include_str!("reports/surefire.xml");
        let mut characters: Vec<char> = text.chars().collect();
        let start = at.index(characters.len());
        characters.splice(start..(start + length).min(text.chars().count()), with.chars());
        let report = junit::read(characters.into_iter().collect::<String>().as_bytes());
        for case in report.cases {
            prop_assert_eq!(clean(&case.name), case.name.clone());
            prop_assert!(!case.name.contains('\n'));
        }
    }
}
