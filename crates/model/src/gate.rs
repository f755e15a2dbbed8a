//! Gates: which findings stop a release, which an environment. A pure decision: the day comes in.

use crate::finding::{Finding, Severity, Source, rule};
use crate::release::EnvironmentSpec;
use crate::{Date, Name};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// `[gates]`: which findings stop a release, and which are waived.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Gates {
    /// What stops a release, wherever it is to run.
    pub release: Gate,
    /// What counts no more, until its day.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
}

/// Which findings do not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gate {
    /// Findings of this severity and worse stop; `None`: none does.
    pub severity: Option<Severity>,
    /// Sources whose findings have a severity of their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sources: BTreeMap<Source, Option<Severity>>,
    /// Rules whose findings stop, however severe they are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub stop: BTreeSet<String>,
}

impl Default for Gate {
    /// What stops where nothing is said: `high` and `critical`.
    fn default() -> Self {
        Self { severity: Some(Severity::High), sources: BTreeMap::new(), stop: BTreeSet::new() }
    }
}

/// A finding that is known and accepted, for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// A finding's fingerprint, or a rule: then every finding of it.
    pub finding: String,
    /// The service that it is limited to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Name>,
    /// Why it is accepted.
    pub reason: String,
    /// Who answers for it.
    pub owner: String,
    /// The last day on which it counts.
    pub expires: Date,
}

/// What a gate says of some findings on a day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What stops, the worst first; empty: the gate is open.
    pub stopped_by: Vec<Stop>,
    /// What would have stopped without a waiver.
    pub waived: Vec<Waived>,
}

/// A finding that does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stop {
    /// The finding's fingerprint.
    pub finding: String,
    /// Which part of the gate says so, such as ``findings of severity `high` stop``.
    pub because: String,
}

/// A finding that passes because somebody answers for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// The finding's fingerprint.
    pub finding: String,
    /// The waiver that fits it; of several the one that counts longest.
    pub waiver: Waiver,
}

impl Gate {
    /// A gate that nothing stops at.
    #[must_use]
    pub fn open() -> Self {
        Self { severity: None, sources: BTreeMap::new(), stop: BTreeSet::new() }
    }

    /// Why a finding does not pass, waivers aside; `None`: it does.
    #[must_use]
    pub fn stops(&self, finding: &Finding) -> Option<String> {
        if self.stop.contains(&finding.rule) {
            return Some(format!("findings of rule `{}` stop", finding.rule));
        }
        let own = self.sources.get(&finding.source);
        let least = own.copied().unwrap_or(self.severity)?;
        let of = own.map(|_| format!(" from a {}", finding.source.word())).unwrap_or_default();
        let worse = if least == Severity::Critical { "" } else { " and worse" };
        (finding.severity >= least).then(|| format!("findings{of} of severity `{least}`{worse} stop"))
    }
}

impl Gates {
    /// The gate of an environment: its own; else in production that of releases, elsewhere none.
    #[must_use]
    pub fn of_environment(&self, environment: &EnvironmentSpec) -> Gate {
        match &environment.gate {
            Some(gate) => gate.clone(),
            None if environment.production => self.release.clone(),
            None => Gate::open(),
        }
    }
}

impl Waiver {
    /// Whether it still counts.
    #[must_use]
    pub fn counts_on(&self, today: Date) -> bool {
        today <= self.expires
    }

    /// Whether it means this finding. What the gates find themselves cannot be waived: that would renew a waiver
    /// without a new day.
    #[must_use]
    pub fn fits(&self, finding: &Finding) -> bool {
        let service = self.service.as_ref().is_none_or(|service| finding.service.as_ref() == Some(service));
        let named = self.finding == finding.rule || self.finding == finding.fingerprint();
        finding.source != Source::Gate && service && named
    }
}

/// What a gate says of these findings on this day. Neither the order of findings nor that of waivers matters.
#[must_use]
pub fn decide(findings: &[Finding], gate: &Gate, waivers: &[Waiver], today: Date) -> Decision {
    let mut decision = Decision::default();
    for finding in in_order(findings) {
        let Some(because) = gate.stops(finding) else { continue };
        let fitting = waivers.iter().filter(|waiver| waiver.counts_on(today) && waiver.fits(finding));
        match fitting.max_by_key(|waiver| (waiver.expires, &waiver.owner, &waiver.reason)) {
            Some(waiver) => {
                decision.waived.push(Waived { finding: finding.fingerprint(), waiver: waiver.clone() });
            }
            None => decision.stopped_by.push(Stop { finding: finding.fingerprint(), because }),
        }
    }
    decision
}

/// What to do about findings that stop: those about waivers cannot be waived.
#[must_use]
pub fn way_out<'a>(mut stopping: impl Iterator<Item = &'a Finding>) -> &'static str {
    if stopping.all(|finding| finding.source == Source::Gate) {
        "put the waivers in `seaworthy.toml` in order"
    } else {
        "put them right, or waive them in `[[gates.waivers]]` with a reason, an owner and a day"
    }
}

/// The worst first, then by service, place and rule.
#[must_use]
pub fn in_order(findings: &[Finding]) -> Vec<&Finding> {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_cached_key(|finding| {
        let place = (finding.service.clone(), finding.file.clone(), finding.line);
        (std::cmp::Reverse(finding.severity), place, finding.rule.clone(), finding.fingerprint())
    });
    sorted
}

/// What the gates find themselves: waivers that have expired, and those that fit none of these findings.
#[must_use]
pub fn about_waivers(findings: &[Finding], waivers: &[Waiver], today: Date) -> Vec<Finding> {
    let file = Some(crate::manifest::MANIFEST_FILE.to_owned());
    let found = |rule: &str, severity, waiver: &Waiver, message: String, help: &str| {
        Finding::new(Source::Gate, rule, severity, message)
            .of_service(waiver.service.as_ref())
            .at(file.clone(), None)
            .about(waiver.finding.as_str())
            .help(help)
    };
    let mut about = Vec::new();
    for waiver in waivers {
        let name = &waiver.finding;
        let used = findings.iter().any(|finding| waiver.fits(finding));
        if !waiver.counts_on(today) {
            let (owner, day) = (&waiver.owner, waiver.expires);
            let message = format!("the waiver of `{name}` by `{owner}` expired on {day}");
            let help =
                if used { "put right what it waived, or decide anew until when it may wait" } else { "take it out" };
            about.push(found(rule::EXPIRED_WAIVER, Severity::Low, waiver, message, help));
        } else if !used {
            let message = format!("the waiver of `{name}` fits no finding");
            about.push(found(
                rule::UNUSED_WAIVER,
                Severity::Note,
                waiver,
                message,
                "take it out, or correct its `finding`",
            ));
        }
    }
    about
}
