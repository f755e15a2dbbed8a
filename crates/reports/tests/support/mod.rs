//! Verdicts to write.

#![allow(dead_code, reason = "each test file uses its own part")]

use proptest::prelude::*;
use seaworthy_model::finding::{Finding, Severity, Source};
use seaworthy_model::gate::{Gates, Waiver};
use seaworthy_model::judge::{Evidence, judge};
use seaworthy_model::manifest::parse;
use seaworthy_model::verdict::{CaseOutcome, StepKind, StepOutcome, StepReport, TestCase, Verdict};
use seaworthy_model::{Date, Digest, Name};
use std::collections::BTreeMap;

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).expect("a name")
}

pub(crate) fn step(id: &str, kind: StepKind, outcome: StepOutcome) -> StepReport {
    let service = id.split_once(' ').map(|(_, service)| name(service));
    StepReport { service, outcome, attempts: 1, took_ms: 1_234, ..StepReport::new(id, kind) }
}

pub(crate) fn case(name: &str, outcome: CaseOutcome) -> TestCase {
    TestCase { name: name.into(), class: Some("cart".into()), outcome, took_ms: Some(12), ..TestCase::default() }
}

pub(crate) fn evidence(steps: Vec<StepReport>, found: Vec<Finding>) -> Evidence {
    Evidence {
        app: Some(name("shop")),
        commit: Some("0123456789abcdef0123456789abcdef01234567".into()),
        dirty: false,
        unlocked: false,
        release: Some(Digest::of(b"release")),
        started_at: "2026-11-27T12:00:00.000001Z".into(),
        took_ms: 65_432,
        steps,
        found,
    }
}

/// A commit with one of everything that can be wrong.
pub(crate) fn bad() -> Verdict {
    let mut web = step("test web", StepKind::Test, StepOutcome::Failed);
    (web.folder, web.command) = (Some("services/web".into()), vec!["npm test".into()]);
    (web.attempts, web.attempts_max) = (2, 2);
    web.last_lines = vec!["3 passed".into(), "1 failed".into()];
    web.reason = Some("it ended with exit code 1".into());
    web.cases = vec![
        case("sum", CaseOutcome::Passed),
        TestCase {
            message: Some("expected 100, found 90 | <b>".into()),
            details: Some("AssertionError\n  expected 100\n  found 90\n```\n</details>".into()),
            file: Some("services/web/test/cart test.js".into()),
            line: Some(14),
            ..case("discount", CaseOutcome::Failed)
        },
        TestCase { message: Some("no database".into()), ..case("rows", CaseOutcome::Error) },
        TestCase { message: Some("needs a printer".into()), ..case("printer", CaseOutcome::Skipped) },
        TestCase { failed_attempts: 2, message: Some("too late".into()), ..case("clock", CaseOutcome::Passed) },
    ];
    let mut build = step("build stock", StepKind::Build, StepOutcome::Failed);
    build.reason = Some("it used more than 2 GiB of memory".into());
    build.last_lines = vec!["ld: killed".into()];
    build.help = Some("`--step-memory 4GB` gives it more".into());
    let mut functional = step("functional", StepKind::Functional, StepOutcome::NotRun);
    (functional.attempts, functional.took_ms) = (0, 0);
    functional.reason = Some("`build stock` did not pass".into());
    let mut cached = step("build web", StepKind::Build, StepOutcome::Passed);
    cached.cached = true;
    let library = Finding::new(Source::Scan, "CVE-2021-44228", Severity::Critical, "a library runs what it is sent")
        .of_service(Some(&name("web")))
        .at(Some("services/web/package-lock.json".into()), Some(7))
        .about("log4j 2.14.0")
        .help("take 2.17.1");
    let mut key = Finding::new(Source::Scan, "leak/key", Severity::Medium, "a key").at(Some("a:b %.env".into()), None);
    key.owasp = "A07:2025".to_owned().try_into().ok();
    let steps = vec![step("validate", StepKind::Validate, StepOutcome::Passed), web, cached, build, functional];
    let waivers = vec![Waiver {
        finding: "CVE-2021-44228".into(),
        service: None,
        reason: "the class is not in the image".into(),
        owner: "core".into(),
        expires: Date::parse("2027-01-31").expect("a day"),
    }];
    let gates = Gates { waivers, ..Gates::default() };
    let text = "app = \"shop\"\n[services.web]\nrun = [\"./a\"]\n[environments.prod]\ngate = \"medium\"\n";
    let environments = parse("seaworthy.toml", text).expect("a manifest").environments;
    judge(evidence(steps, vec![library, key]), &gates, &environments, Date::parse("2026-11-27").expect("a day"))
}

pub(crate) fn good() -> Verdict {
    let steps = vec![
        step("validate", StepKind::Validate, StepOutcome::Passed),
        step("test web", StepKind::Test, StepOutcome::Passed),
        step("functional", StepKind::Functional, StepOutcome::Passed),
    ];
    verdict(steps)
}

pub(crate) fn verdict(steps: Vec<StepReport>) -> Verdict {
    let today = Date::parse("2026-11-27").expect("a day");
    judge(evidence(steps, Vec::new()), &Gates::default(), &BTreeMap::new(), today)
}

/// What tests print, at their worst.
pub(crate) fn hostile() -> impl Strategy<Value = String> {
    let fragment = prop_oneof![
        3 => proptest::sample::select(vec![
            "`", "``", "```", "~~~", "\n", "\r\n", "|", "\\|", "\\", "<script>alert(1)</script>", "<!--", "]]>", "&amp;",
            "[x](http://e.example)", "![x](http://e.example/x.png)", "@everyone", "# ", "> ", "- [ ] ", "***", "\u{1b}[31m",
            "\u{202e}", "\0", "\t", "    ", "</td></table>", "http://e.example", "/close", "::error::", "$x$", ":tada:", " ",
        ]).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    proptest::collection::vec(fragment, 0..8).prop_map(|parts| parts.concat())
}

/// A verdict in which every text from outside is hostile.
pub(crate) fn hostile_verdict() -> impl Strategy<Value = Verdict> {
    let outcomes = vec![CaseOutcome::Passed, CaseOutcome::Failed, CaseOutcome::Error, CaseOutcome::Skipped];
    let cases = (proptest::collection::vec(hostile(), 6), proptest::sample::select(outcomes), any::<Option<u32>>())
        .prop_map(|(texts, outcome, line)| TestCase {
            name: texts[0].clone(),
            class: Some(texts[1].clone()),
            suite: Some(texts[2].clone()),
            outcome,
            took_ms: Some(3),
            failed_attempts: u32::from(line.is_some_and(|line| line % 3 == 0)),
            message: Some(texts[3].clone()),
            details: Some(texts[4].clone()),
            file: Some(texts[5].clone()),
            line,
        });
    (proptest::collection::vec(cases, 0..4), proptest::collection::vec(hostile(), 4), any::<bool>()).prop_map(
        |(cases, texts, passed)| {
            let outcome = if passed { StepOutcome::Passed } else { StepOutcome::Failed };
            let mut step = step("test web", StepKind::Test, outcome);
            step.cases = cases;
            step.last_lines = vec![texts[0].clone()];
            step.reason = Some(texts[1].clone());
            step.command = vec![texts[2].clone()];
            step.folder = Some(texts[3].clone());
            verdict(vec![step])
        },
    )
}

/// Passed, but late.
pub(crate) fn late() -> Verdict {
    let mut step = step("test web", StepKind::Test, StepOutcome::Passed);
    (step.attempts, step.attempts_max) = (2, 3);
    verdict(vec![step])
}
