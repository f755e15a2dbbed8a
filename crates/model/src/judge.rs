//! From what the steps of a check say to one verdict. A pure function: the day comes in.

use crate::finding::{Finding, Severity, Source, rule};
use crate::gate::{Gates, about_waivers, in_order, way_out};
use crate::release::EnvironmentSpec;
use crate::verdict::{
    CaseOutcome, GateReport, StepKind, StepOutcome, StepReport, TestCase, VERDICT_FORMAT, Verdict, VerdictOutcome,
};
use crate::{Date, Digest, Name};
use std::collections::BTreeMap;

/// The most findings that one step gives; a suite that fails as a whole is one problem, not a thousand.
pub const FINDINGS_OF_STEP_MAX: usize = 200;

/// What was found out about a commit, before it is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// See [`Verdict::app`].
    pub app: Option<Name>,
    /// See [`Verdict::commit`].
    pub commit: Option<String>,
    /// See [`Verdict::dirty`].
    pub dirty: bool,
    /// See [`Verdict::unlocked`].
    pub unlocked: bool,
    /// See [`Verdict::release`].
    pub release: Option<Digest>,
    /// See [`Verdict::started_at`].
    pub started_at: String,
    /// See [`Verdict::took_ms`].
    pub took_ms: u64,
    /// Every step but `gates`.
    pub steps: Vec<StepReport>,
    /// What scans and the readers of reports found; what failed tests and checks amount to comes on top.
    pub found: Vec<Finding>,
}

/// The verdict on a commit: failed tests become findings, the gates are asked, and `gates` becomes the last step.
#[must_use]
pub fn judge(
    evidence: Evidence,
    gates: &Gates,
    environments: &BTreeMap<Name, EnvironmentSpec>,
    today: Date,
) -> Verdict {
    let Evidence { app, commit, dirty, unlocked, release, started_at, took_ms, mut steps, found } = evidence;
    let mut findings: Vec<Finding> = steps.iter().flat_map(findings_of).chain(found).collect();
    // Where something did not run, what a waiver is for may not have been looked for.
    let complete = steps.iter().all(|step| step.outcome == StepOutcome::Passed);
    let about = about_waivers(&findings, &gates.waivers, today);
    findings.extend(about.into_iter().filter(|finding| complete || finding.rule != rule::UNUSED_WAIVER));
    let findings: Vec<Finding> = in_order(&findings).into_iter().cloned().collect();
    let report = GateReport::new(&findings, gates, environments, today);
    steps.push(gates_step(&steps, &findings, &report));
    let outcome = outcome_of(&steps);
    Verdict {
        format: VERDICT_FORMAT,
        app,
        commit,
        dirty,
        unlocked,
        release,
        outcome,
        started_at,
        took_ms,
        steps,
        findings,
        gates: report,
    }
}

/// What failed weighs more than what could not be found out.
fn outcome_of(steps: &[StepReport]) -> VerdictOutcome {
    let any = |outcome| steps.iter().any(|step| step.outcome == outcome);
    if any(StepOutcome::Failed) {
        VerdictOutcome::Failed
    } else if any(StepOutcome::Refused) || any(StepOutcome::NotRun) {
        VerdictOutcome::Refused
    } else {
        VerdictOutcome::Passed
    }
}

fn gates_step(steps: &[StepReport], findings: &[Finding], report: &GateReport) -> StepReport {
    let mut step = StepReport::new("gates", StepKind::Gates);
    let stopped = &report.release.stopped_by;
    if steps.iter().any(|step| step.outcome != StepOutcome::Passed) {
        step.reason = Some("what did not pass stops the release already".to_owned());
        return step;
    }
    (step.attempts, step.outcome) = (1, StepOutcome::Passed);
    if let Some(first) = stopped.first() {
        step.outcome = StepOutcome::Failed;
        step.reason = Some(match stopped.len() {
            1 => format!("a finding stops the release: {}", first.because),
            count => format!("{count} findings stop the release: {}", first.because),
        });
        let named = |print: &str| findings.iter().find(|finding| finding.fingerprint() == print);
        step.help = Some(way_out(stopped.iter().filter_map(|stop| named(&stop.finding))).to_owned());
        let lines = stopped.iter().filter_map(|stop| named(&stop.finding)).map(|finding| {
            let place = finding.place().map(|place| format!("{place}: ")).unwrap_or_default();
            format!("{} {} {place}{}", finding.severity, finding.rule, finding.message)
        });
        step.last_lines = lines.take(FINDINGS_OF_STEP_MAX).collect();
    }
    step
}

/// What a step amounts to as findings.
#[must_use]
pub fn findings_of(step: &StepReport) -> Vec<Finding> {
    let mut findings = findings_of_outcome(step);
    findings.extend(step.report_problem.as_ref().map(|problem| {
        let message = format!("the report of `{}` is not whole: {problem}", step.id);
        Finding::new(Source::Test, rule::UNREADABLE_REPORT, Severity::Medium, message)
            .of_service(step.service.as_ref())
            .about(step.id.as_str())
            .help("`junit` has to name what the tests write, relative to the service's folder")
    }));
    findings
}

fn findings_of_outcome(step: &StepReport) -> Vec<Finding> {
    let (source, failed) = match step.kind {
        StepKind::Test => (Source::Test, rule::FAILED_TEST),
        StepKind::Functional => (Source::Check, rule::FAILED_CHECK),
        StepKind::Validate | StepKind::Build | StepKind::Gates => return Vec::new(),
    };
    if step.outcome == StepOutcome::Passed {
        let times = (step.attempts, step.attempts_max);
        let message = format!("`{}` passed on attempt {} of {}", step.id, times.0, times.1);
        let mut findings: Vec<Finding> = step.cases.iter().filter_map(|case| flaky_case(step, source, case)).collect();
        findings.truncate(FINDINGS_OF_STEP_MAX);
        if times.0 > 1 {
            findings.push(flaky(step, source, message).about(step.id.as_str()));
        }
        return findings;
    }
    if step.outcome != StepOutcome::Failed {
        return Vec::new();
    }
    let bad: Vec<&TestCase> = step.cases.iter().filter(|case| case.is_bad()).take(FINDINGS_OF_STEP_MAX).collect();
    if bad.is_empty() {
        let message = step.reason.clone().unwrap_or_else(|| format!("`{}` failed", step.id));
        let finding = Finding::new(source, failed, Severity::High, message).about(step.id.as_str());
        return vec![with_help(finding.of_service(step.service.as_ref()), step)];
    }
    let of_case = |case: &TestCase| {
        let why = case.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        let finding = Finding::new(source, failed, Severity::High, format!("`{}` failed{why}", case.title()))
            .of_service(step.service.as_ref())
            .at(case.file.clone(), case.line)
            .about(case.title());
        with_help(finding, step)
    };
    bad.into_iter().map(of_case).collect()
}

/// A test that passed in the end, where the report says so.
fn flaky_case(step: &StepReport, source: Source, case: &TestCase) -> Option<Finding> {
    let times = match (case.outcome, case.failed_attempts) {
        (CaseOutcome::Passed, 1) => "once".to_owned(),
        (CaseOutcome::Passed, 2..) => format!("{} times", case.failed_attempts),
        _ => return None,
    };
    let finding = flaky(step, source, format!("`{}` failed {times} before it passed", case.title()));
    Some(finding.at(case.file.clone(), case.line).about(case.title()))
}

fn flaky(step: &StepReport, source: Source, message: String) -> Finding {
    Finding::new(source, rule::FLAKY_TEST, Severity::Medium, message)
        .of_service(step.service.as_ref())
        .help("find what makes it depend on chance: until then it can hide what it was written to show")
}

fn with_help(finding: Finding, step: &StepReport) -> Finding {
    match step.by_hand() {
        Some(command) => finding.help(format!("run `{command}`")),
        None => finding,
    }
}
