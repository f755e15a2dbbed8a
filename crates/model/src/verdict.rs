//! What `seaworthy check` says of a commit: one verdict, the same on a laptop and in CI.

use crate::finding::Finding;
use crate::gate::{Decision, Gates, decide};
use crate::release::EnvironmentSpec;
use crate::{Date, Digest, Name};
use seaworthy_diagnostics::Fault;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the verdict's JSON.
pub const VERDICT_FORMAT: u32 = 1;

/// The verdict on one commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// [`VERDICT_FORMAT`].
    pub format: u32,
    /// The app; `None` where the manifest could not be read.
    pub app: Option<Name>,
    /// The full commit id; `None` outside git.
    pub commit: Option<String>,
    /// The working tree had changes that no commit holds.
    pub dirty: bool,
    /// Something stands on packages or an image that no lock in the commit names.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unlocked: bool,
    /// What was built; `None` where something was not.
    pub release: Option<Digest>,
    /// The verdict itself.
    pub outcome: VerdictOutcome,
    /// RFC 3339.
    pub started_at: String,
    /// How long all of it took, in milliseconds.
    pub took_ms: u64,
    /// Every step, in the order of the graph.
    pub steps: Vec<StepReport>,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
    /// What stops what.
    pub gates: GateReport,
}

/// The verdict in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictOutcome {
    /// The release may be deployed.
    Passed,
    /// Something failed, or a gate stops the release.
    Failed,
    /// It could not be found out.
    Refused,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its name, such as `test web`.
    pub id: String,
    /// What it does.
    pub kind: StepKind,
    /// The service that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Name>,
    /// How it ended.
    pub outcome: StepOutcome,
    /// Nothing it depends on has changed, so it was not run again.
    #[serde(default)]
    pub cached: bool,
    /// How often it ran: more than once only where retries are declared; 0 where it did not.
    pub attempts: u32,
    /// How often it may run.
    pub attempts_max: u32,
    /// How long it took, in milliseconds; of a cached one, when it ran.
    pub took_ms: u64,
    /// The folder in which `command` can be typed, relative to the manifest's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The shell lines that it ran.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// The end of what it printed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub last_lines: Vec<String>,
    /// Why it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Who has to act, of one that did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The single tests, where they are known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cases: Vec<TestCase>,
    /// What is wrong with the report that should name them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report_problem: Option<String>,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepKind {
    /// Reads the manifest.
    Validate,
    /// Runs a service's `test`.
    Test,
    /// Makes a service's image.
    Build,
    /// Runs the checks against an environment that is thrown away.
    Functional,
    /// Holds the findings against the gates.
    Gates,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepOutcome {
    /// All is well.
    Passed,
    /// It ran, and something is wrong.
    Failed,
    /// It could not run.
    Refused,
    /// Something that it depends on did not pass.
    NotRun,
}

/// A single test.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCase {
    /// Its name.
    pub name: String,
    /// Its class, module or file, as the report names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The suite that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suite: Option<String>,
    /// How it ended.
    pub outcome: CaseOutcome,
    /// How long it took, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub took_ms: Option<u64>,
    /// How often it failed before it passed, where the report says so.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failed_attempts: u32,
    /// Why it failed or was skipped, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The evidence: an assertion, a stack, a request with its answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
    /// The file that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line of `file`, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks in this way")]
fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// How a single test ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseOutcome {
    /// It passed.
    #[default]
    Passed,
    /// What it asserts is not so.
    Failed,
    /// It could not come to an end.
    Error,
    /// It did not run.
    Skipped,
}

impl StepReport {
    /// A step that did not run.
    #[must_use]
    pub fn new(id: impl Into<String>, kind: StepKind) -> Self {
        Self {
            id: id.into(),
            kind,
            service: None,
            outcome: StepOutcome::NotRun,
            cached: false,
            attempts: 0,
            attempts_max: 1,
            took_ms: 0,
            folder: None,
            command: Vec::new(),
            last_lines: Vec::new(),
            reason: None,
            help: None,
            fault: None,
            cases: Vec::new(),
            report_problem: None,
        }
    }

    /// The shell line that does the same by hand, from the manifest's folder.
    #[must_use]
    pub fn by_hand(&self) -> Option<String> {
        let command = self.command.join(" && ");
        match self.folder.as_deref() {
            _ if command.is_empty() => None,
            None | Some(".") => Some(command),
            // The folder comes from the manifest: a quote in it must not end the word.
            Some(folder) if folder.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte)) => {
                Some(format!("cd {folder} && {command}"))
            }
            Some(folder) => Some(format!("cd '{}' && {command}", folder.replace('\'', r"'\''"))),
        }
    }
}

impl TestCase {
    /// Whether it did not pass though it ran.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        matches!(self.outcome, CaseOutcome::Failed | CaseOutcome::Error)
    }

    /// `CLASS NAME`, or what there is of it.
    #[must_use]
    pub fn title(&self) -> String {
        match &self.class {
            Some(class) if *class != self.name => format!("{class} {}", self.name),
            _ => self.name.clone(),
        }
    }
}

/// What every gate says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateReport {
    /// The day that waivers were held against.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    /// Of the release.
    pub release: Decision,
    /// Of each environment that would stop or waive something.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environments: BTreeMap<Name, Decision>,
}

impl GateReport {
    /// Holds findings against every gate of an app.
    #[must_use]
    pub fn new(
        findings: &[Finding],
        gates: &Gates,
        environments: &BTreeMap<Name, EnvironmentSpec>,
        today: Date,
    ) -> Self {
        let said = |(name, spec): (&Name, &EnvironmentSpec)| {
            let decision = decide(findings, &gates.of_environment(spec), &gates.waivers, today);
            (decision != Decision::default()).then(|| (name.clone(), decision))
        };
        Self {
            date: Some(today),
            release: decide(findings, &gates.release, &gates.waivers, today),
            environments: environments.iter().filter_map(said).collect(),
        }
    }
}
