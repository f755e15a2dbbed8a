//! Reports as the common writers write them: from pytest, go-junit-report, jest-junit and Node's own reporter as they
//! are, from the others by their documents.

use seaworthy_model::verdict::{CaseOutcome, TestCase};
use seaworthy_reports::junit::{Problem, Report, read};

/// A line for each test, and what is wrong with it.
fn shown(report: &Report) -> String {
    let line = |case: &TestCase| {
        let place = case.file.as_ref().map(|file| format!(" [{file}:{}]", case.line.unwrap_or(0))).unwrap_or_default();
        let time = case.took_ms.map(|time| format!(" {time} ms")).unwrap_or_default();
        let suite = case.suite.as_deref().unwrap_or("-");
        let late = if case.failed_attempts > 0 { format!(" after {}", case.failed_attempts) } else { String::new() };
        let head = format!("{:?}{late} ({suite}) {}{place}{time}\n", case.outcome, case.title());
        let message = case.message.iter().map(|message| format!("  message: {message}\n"));
        let details = case.details.iter().flat_map(|details| details.lines().map(|line| format!("  | {line}\n")));
        head + &message.chain(details).collect::<String>()
    };
    let problem = report.problem.iter().map(|problem| format!("problem: {problem}\n"));
    report.cases.iter().map(line).chain(problem).collect()
}

macro_rules! dialects {
    ($($name:ident: $file:literal),* $(,)?) => {$(
        #[test]
        fn $name() {
            let report = read(include_bytes!(concat!("reports/", $file, ".xml")));
            assert_eq!(report.problem, None);
            assert!(report.cases.iter().any(TestCase::is_bad));
            insta::assert_snapshot!(shown(&report));
        }
    )*};
}

dialects!(
    pytest: "pytest", pytest_xunit1: "pytest-xunit1", go_junit_report: "go-junit-report", jest_junit: "jest-junit",
    node: "node", minitest: "minitest", surefire: "surefire", nextest: "nextest", googletest: "googletest",
    phpunit: "phpunit",
);

fn problem(text: &str) -> Option<String> {
    read(text.as_bytes()).problem.map(|problem| problem.to_string())
}

#[test]
fn what_is_no_report_is_told_apart() {
    let shown =
        ["", " \n", "not xml", "{}", "<html><body/></html>", "<testsuites>", "<testsuite></testsuites>", "<a b=>"]
            .map(|text| format!("{text:?}: {}", problem(text).unwrap_or_else(|| "read".to_owned())));
    insta::assert_snapshot!(shown.join("\n"));
    assert_eq!(problem("<testsuites/>"), None);
}

#[test]
fn a_report_that_was_cut_off_keeps_what_was_there() {
    let whole = include_str!("reports/pytest.xml");
    let report = read(&whole.as_bytes()[..whole.len() - 300]);
    assert!(report.problem.is_some());
    assert!(report.cases.iter().any(|case| case.outcome == CaseOutcome::Failed));
}

#[test]
fn no_entity_of_the_document_means_anything() {
    let bomb = "<!DOCTYPE t [<!ENTITY a \"boom\"><!ENTITY b \"&a;&a;&a;\"><!ENTITY f SYSTEM \"file:///etc/passwd\">]>\n\
                <testsuite><testcase name='&b; &f; &amp; &#65;'><failure>&b; &f; &#x41;</failure></testcase></testsuite>";
    let report = read(bomb.as_bytes());
    assert_eq!(report.problem, None);
    assert_eq!(report.cases[0].name, "&b; &f; & A");
    assert_eq!(report.cases[0].message.as_deref(), Some("&b; &f; A"));
}

#[test]
fn what_terminals_obey_does_not_pass() {
    let text = "<testsuite><testcase name='a&#27;[31m\u{202e}b'><failure message='&#27;]0;x&#7;c'>\u{1b}[2Jd&#0;</failure>\
                </testcase></testsuite>";
    let report = read(text.as_bytes());
    let case = &report.cases[0];
    assert_eq!((case.name.as_str(), case.message.as_deref()), ("ab", Some("c")));
    assert_eq!(case.details.as_deref(), Some("d"));
}

#[test]
fn everything_has_a_limit() {
    use seaworthy_reports::limits;
    let deep = "<testsuite>".repeat(limits::DEPTH_MAX + 1);
    assert_eq!(read(deep.as_bytes()).problem, Some(Problem::TooDeep { line: 1 }));
    let many = format!("<testsuite>{}</testsuite>", "<testcase name='a'/>".repeat(limits::CASES_MAX + 10));
    let report = read(many.as_bytes());
    assert_eq!((report.cases.len(), report.problem), (limits::CASES_MAX, Some(Problem::TooMany)));
    assert_eq!(read(&vec![b' '; limits::REPORT_BYTES_MAX + 1]).problem, Some(Problem::TooLarge));
    let long = "x".repeat(20_000);
    let wordy = format!("<testcase name='{long}'><failure message='{long}'>{long}</failure></testcase>").repeat(200);
    let report = read(format!("<testsuite>{wordy}</testsuite>").as_bytes());
    assert_eq!((report.cases.len(), report.problem.clone()), (200, None));
    let details: usize = report.cases.iter().filter_map(|case| case.details.as_ref()).map(String::len).sum();
    assert!(details <= limits::DETAILS_BYTES_SUM, "{details}");
    assert!(report.cases.iter().all(|case| case.name.len() <= limits::NAME_BYTES_MAX));
    let mut merged = report.clone();
    merged.merge(report);
    let details: usize = merged.cases.iter().filter_map(|case| case.details.as_ref()).map(String::len).sum();
    assert!(details <= limits::DETAILS_BYTES_SUM, "{details}");
}
