//! What gates decide, as properties of a pure function, and how a verdict comes about.

use proptest::prelude::*;
use seaworthy_model::finding::{Finding, Severity, Source, rule};
use seaworthy_model::gate::{Decision, Gate, Gates, Waiver, about_waivers, decide};
use seaworthy_model::judge::{Evidence, findings_of, judge};
use seaworthy_model::manifest::parse;
use seaworthy_model::verdict::{CaseOutcome, StepKind, StepOutcome, StepReport, TestCase, Verdict, VerdictOutcome};
use seaworthy_model::{Date, Name};
use std::collections::{BTreeMap, BTreeSet};

fn day(text: &str) -> Date {
    Date::parse(text).expect("a day")
}

fn any_day() -> impl Strategy<Value = Date> {
    (2026..2030_u16, 1..=12_u8, 1..=28_u8).prop_map(|(y, m, d)| day(&format!("{y:04}-{m:02}-{d:02}")))
}

fn severity() -> impl Strategy<Value = Severity> {
    proptest::sample::select(Severity::ALL.to_vec())
}

fn source() -> impl Strategy<Value = Source> {
    proptest::sample::select(vec![Source::Test, Source::Scan, Source::Check, Source::Gate])
}

fn rule_name() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["CVE-1", "leak/key", "flaky-test"]).prop_map(str::to_owned)
}

fn service() -> impl Strategy<Value = Option<Name>> {
    proptest::option::of(proptest::sample::select(vec!["web", "api"]).prop_map(|name| Name::new(name).expect("a name")))
}

fn finding() -> impl Strategy<Value = Finding> {
    (source(), rule_name(), severity(), service(), 0..3_u8).prop_map(|(source, rule, severity, service, subject)| {
        Finding::new(source, rule, severity, "m").of_service(service.as_ref()).about(subject.to_string())
    })
}

fn findings() -> impl Strategy<Value = Vec<Finding>> {
    proptest::collection::vec(finding(), 0..12)
}

fn gate() -> impl Strategy<Value = Gate> {
    let own = proptest::collection::btree_map(source(), proptest::option::of(severity()), 0..3);
    let stop = proptest::collection::btree_set(rule_name(), 0..2);
    (proptest::option::of(severity()), own, stop).prop_map(|(severity, sources, stop)| Gate { severity, sources, stop })
}

fn waiver() -> impl Strategy<Value = Waiver> {
    let named = prop_oneof![rule_name(), finding().prop_map(|finding| finding.fingerprint())];
    (named, service(), any_day()).prop_map(|(finding, service, expires)| Waiver {
        finding,
        service,
        reason: "r".into(),
        owner: "o".into(),
        expires,
    })
}

fn waivers() -> impl Strategy<Value = Vec<Waiver>> {
    proptest::collection::vec(waiver(), 0..5)
}

fn stopped(decision: &Decision) -> BTreeSet<&str> {
    decision.stopped_by.iter().map(|stop| stop.finding.as_str()).collect()
}

proptest! {
    #[test]
    fn every_finding_that_a_gate_does_not_let_pass_stops_or_is_waived(
        findings in findings(), gate in gate(), waivers in waivers(), today in any_day(),
    ) {
        let decision = decide(&findings, &gate, &waivers, today);
        let kept = findings.iter().filter(|finding| gate.stops(finding).is_some()).count();
        prop_assert_eq!(decision.stopped_by.len() + decision.waived.len(), kept);
        for waived in &decision.waived {
            prop_assert!(today <= waived.waiver.expires);
            let finding = findings.iter().find(|finding| finding.fingerprint() == waived.finding).expect("it");
            prop_assert!(waived.waiver.fits(finding) && finding.source != Source::Gate);
        }
    }

    #[test]
    fn order_does_not_matter(
        findings in findings(), gate in gate(), waivers in waivers(), today in any_day(),
    ) {
        let reversed: Vec<_> = findings.iter().rev().cloned().collect();
        let turned: Vec<_> = waivers.iter().rev().cloned().collect();
        let (one, other) = (decide(&findings, &gate, &waivers, today), decide(&reversed, &gate, &turned, today));
        prop_assert_eq!(stopped(&one), stopped(&other));
        prop_assert_eq!(one.waived.len(), other.waived.len());
    }

    #[test]
    fn a_waiver_never_closes_a_gate_and_time_never_opens_one(
        findings in findings(), gate in gate(), waivers in waivers(), days in (any_day(), any_day()),
    ) {
        let (earlier, later) = (days.0.min(days.1), days.0.max(days.1));
        let without = decide(&findings, &gate, &[], earlier);
        let with = decide(&findings, &gate, &waivers, earlier);
        prop_assert!(stopped(&with).is_subset(&stopped(&without)));
        prop_assert!(stopped(&with).is_subset(&stopped(&decide(&findings, &gate, &waivers, later))));
    }

    #[test]
    fn a_worse_finding_never_passes_where_a_better_one_does_not(
        finding in finding(), gate in gate(), worse in severity(),
    ) {
        let mut other = finding.clone();
        other.severity = worse.max(finding.severity);
        prop_assert!(gate.stops(&finding).is_none() || gate.stops(&other).is_some());
    }

    #[test]
    fn each_waiver_is_reported_when_it_has_expired_or_is_unused_and_only_then(
        findings in findings(), waivers in waivers(), today in any_day(),
    ) {
        let expired = waivers.iter().filter(|waiver| !waiver.counts_on(today)).count();
        let about = about_waivers(&findings, &waivers, today);
        let of = |rule| about.iter().filter(|finding| finding.rule == rule).count();
        prop_assert_eq!(of(rule::EXPIRED_WAIVER), expired);
        let idle = |waiver: &&Waiver| waiver.counts_on(today) && !findings.iter().any(|finding| waiver.fits(finding));
        prop_assert_eq!(of(rule::UNUSED_WAIVER), waivers.iter().filter(idle).count());
    }

    #[test]
    fn a_verdict_is_read_as_it_was_written(
        findings in findings(), gate in gate(), waivers in waivers(), today in any_day(),
    ) {
        let gates = Gates { release: gate, waivers };
        let evidence = evidence(vec![step("test web", StepOutcome::Passed)], findings);
        let verdict = judge(evidence, &gates, &BTreeMap::new(), today);
        let json = serde_json::to_string(&verdict).expect("JSON");
        prop_assert_eq!(serde_json::from_str::<Verdict>(&json).expect("a verdict"), verdict);
    }
}

fn step(id: &str, outcome: StepOutcome) -> StepReport {
    let kind = if id.starts_with("test") { StepKind::Test } else { StepKind::Functional };
    let command = vec!["make test".to_owned()];
    let service = Name::new("web").ok();
    StepReport { outcome, attempts: 1, service, command, folder: Some("web".into()), ..StepReport::new(id, kind) }
}

fn evidence(steps: Vec<StepReport>, found: Vec<Finding>) -> Evidence {
    Evidence {
        app: Name::new("shop").ok(),
        commit: None,
        dirty: false,
        unlocked: false,
        release: None,
        started_at: "2026-11-27T12:00:00.000000Z".into(),
        took_ms: 7,
        steps,
        found,
    }
}

fn verdict(steps: Vec<StepReport>, found: Vec<Finding>) -> Verdict {
    judge(evidence(steps, found), &Gates::default(), &BTreeMap::new(), day("2026-11-27"))
}

fn scanned(severity: Severity) -> Finding {
    Finding::new(Source::Scan, "CVE-1", severity, "old library")
}

#[test]
fn high_and_critical_stop_where_nothing_is_said() {
    let outcomes = Severity::ALL
        .map(|severity| verdict(vec![step("test web", StepOutcome::Passed)], vec![scanned(severity)]).outcome);
    use VerdictOutcome::{Failed, Passed};
    assert_eq!(outcomes, [Failed, Failed, Passed, Passed, Passed]);
}

#[test]
fn what_fails_stops_whatever_the_gates_say() {
    let gates = Gates { release: Gate::open(), waivers: Vec::new() };
    let failed = evidence(vec![step("test web", StepOutcome::Failed), step("functional", StepOutcome::Passed)], vec![]);
    let verdict = judge(failed, &gates, &BTreeMap::new(), day("2026-11-27"));
    assert_eq!(verdict.outcome, VerdictOutcome::Failed);
    let last = verdict.steps.last().expect("a step");
    assert_eq!((last.id.as_str(), last.outcome), ("gates", StepOutcome::NotRun));
    assert_eq!(verdict.findings[0].help.as_deref(), Some("run `cd web && make test`"));
}

#[test]
fn what_could_not_be_found_out_is_not_passed() {
    assert_eq!(verdict(vec![step("functional", StepOutcome::Refused)], vec![]).outcome, VerdictOutcome::Refused);
    let both = vec![step("functional", StepOutcome::Refused), step("test web", StepOutcome::Failed)];
    assert_eq!(verdict(both, vec![]).outcome, VerdictOutcome::Failed);
}

#[test]
fn failed_cases_are_findings_of_their_own() {
    let mut failed = step("test web", StepOutcome::Failed);
    let case = |name: &str, outcome| TestCase { name: name.into(), outcome, ..TestCase::default() };
    failed.cases = vec![case("a", CaseOutcome::Failed), case("b", CaseOutcome::Passed), case("c", CaseOutcome::Error)];
    let subjects: Vec<_> = findings_of(&failed).into_iter().map(|finding| finding.subject.expect("a name")).collect();
    assert_eq!(subjects, ["a", "c"]);
}

#[test]
fn a_test_that_passed_late_is_told() {
    let mut late = step("test web", StepOutcome::Passed);
    (late.attempts, late.attempts_max) = (2, 3);
    let verdict = verdict(vec![late], vec![]);
    assert_eq!(verdict.outcome, VerdictOutcome::Passed);
    assert_eq!(verdict.findings[0].message, "`test web` passed on attempt 2 of 3");
}

#[test]
fn production_has_the_gate_of_releases_and_others_have_none() {
    let text = "app = \"a\"\n[services.a]\nrun = [\"./a\"]\n[environments.qa]\n[environments.prod]\n[environments.eu]\n\
                gate = \"low\"\n[gates]\nrelease = \"critical\"\n";
    let manifest = parse("seaworthy.toml", text).expect("a manifest");
    let verdict = judge(
        evidence(vec![step("test web", StepOutcome::Passed)], vec![scanned(Severity::Critical)]),
        &manifest.gates,
        &manifest.environments,
        day("2026-11-27"),
    );
    let stopped: Vec<&str> = verdict.gates.environments.keys().map(Name::as_str).collect();
    assert_eq!(stopped, ["eu", "prod"]);
    insta::assert_json_snapshot!(verdict);
}

#[test]
fn a_mix_of_releases_knows_what_each_service_brought_along() {
    use seaworthy_model::release::Checked;
    let found = |rule: &str, service: Option<&str>| {
        let service = service.map(|service| Name::new(service).expect("a name"));
        Finding::new(Source::Scan, rule, Severity::High, "m").of_service(service.as_ref())
    };
    let new = Checked {
        at: "new".into(),
        findings: vec![found("a", Some("web")), found("b", Some("api")), found("c", None)],
    };
    let old = Checked {
        at: "old".into(),
        findings: vec![found("d", Some("web")), found("e", Some("api")), found("c", None)],
    };
    let only = [Name::new("web").expect("a name")];
    let rules = |mixed: Option<Checked>| {
        mixed.map(|mixed| mixed.findings.into_iter().map(|finding| finding.rule).collect::<Vec<_>>())
    };
    assert_eq!(rules(Checked::mixed(Some(&new), Some(&old), &only)).expect("findings"), ["a", "c", "e"]);
    assert_eq!(rules(Checked::mixed(None, Some(&old), &only)).expect("findings"), ["e", "c"]);
    assert_eq!(rules(Checked::mixed(None, None, &only)), None);
}
