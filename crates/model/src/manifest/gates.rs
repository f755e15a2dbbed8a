//! `[gates]`, and the gate of an environment.

use super::raw;
use super::reader::Reader;
use super::tree::Path;
use crate::finding::{RULE_BYTES_MAX, Source, is_rule, rule};
use crate::gate::{Gate, Gates, Waiver};
use crate::{Date, Name};
use std::collections::BTreeMap;

/// The most waivers that a file may have.
const WAIVERS_MAX: usize = 1000;
/// The longest reason, in bytes.
const REASON_BYTES_MAX: usize = 2000;

/// From this likeness on, a rule is taken for one of ours with a slip in it.
const LIKE_A_SLIP: f64 = 0.85;

impl Reader<'_> {
    /// `[gates]`.
    pub(super) fn gates(&mut self, raw: &raw::Gates) -> Gates {
        let path = Path::default().key("gates");
        let release = raw.release.as_ref().map(|gate| self.gate(&path.key("release"), gate)).unwrap_or_default();
        Gates { release, waivers: self.waivers(&path.key("waivers"), &raw.waivers) }
    }

    /// What stops: a severity, or a table.
    pub(super) fn gate(&mut self, path: &Path, raw: &raw::GateEntry) -> Gate {
        let raw = match raw {
            raw::GateEntry::Severity(severity) => return Gate { severity: (*severity).into(), ..Gate::open() },
            raw::GateEntry::Full(raw) => raw,
        };
        let own = [(Source::Test, raw.test), (Source::Scan, raw.scan), (Source::Check, raw.check)];
        let sources = own.into_iter().filter_map(|(source, severity)| Some((source, severity?.into())));
        let path = path.key("stop");
        for (index, rule) in raw.stop.iter().enumerate() {
            self.rule(&path.index(index), rule);
        }
        Gate {
            severity: raw.severity.map_or(Gate::default().severity, Into::into),
            sources: sources.collect(),
            stop: raw.stop.iter().cloned().collect(),
        }
    }

    fn rule(&mut self, path: &Path, text: &str) {
        if !is_rule(text) {
            let message = format!("`{}` is no rule and no fingerprint", text.escape_debug());
            let help = format!(
                "write it as `seaworthy check` prints it: letters, digits and `._:/@-`, at most {RULE_BYTES_MAX}"
            );
            self.report(path, message, help);
            return;
        }
        // Scanners have rules that nobody knows here; but a slip in one of ours would open the gate without a word.
        let likeness = |known: &str| strsim::normalized_damerau_levenshtein(text, known);
        if let Some(known) = rule::OWN.into_iter().find(|known| (LIKE_A_SLIP..1.0).contains(&likeness(known))) {
            let message = format!("no finding has the rule `{text}`");
            self.report(path, message, format!("did you mean `{known}`?"));
        }
    }

    fn waivers(&mut self, path: &Path, raw: &[raw::Waiver]) -> Vec<Waiver> {
        if raw.len() > WAIVERS_MAX {
            self.report(path, format!("there are more than {WAIVERS_MAX} waivers"), "put right what they waive");
        }
        let mut waivers = Vec::new();
        let mut seen: BTreeMap<(&Option<String>, &Option<String>), usize> = BTreeMap::new();
        for (index, raw) in raw.iter().enumerate().take(WAIVERS_MAX) {
            let path = path.index(index);
            if raw.finding.is_some() && seen.insert((&raw.finding, &raw.service), index).is_some() {
                let finding = raw.finding.as_deref().unwrap_or_default();
                let message = format!("`{}` is waived twice", finding.escape_debug());
                self.report(&path.key("finding"), message, "leave one of the waivers out");
            }
            waivers.extend(self.waiver(&path, raw));
        }
        waivers
    }

    /// What is missing has been reported: the schema requires it.
    fn waiver(&mut self, path: &Path, raw: &raw::Waiver) -> Option<Waiver> {
        if let Some(finding) = &raw.finding {
            self.rule(&path.key("finding"), finding);
        }
        let service: Option<Option<Name>> = match &raw.service {
            Some(service) => self.known_service(&path.key("service"), service).map(Some),
            None => Some(None),
        };
        let reason = self.line(&path.key("reason"), raw.reason.as_ref(), "say why the finding is accepted");
        let owner = self.line(&path.key("owner"), raw.owner.as_ref(), "name who answers for it");
        let expires = raw.expires.as_ref().and_then(|text| self.date(&path.key("expires"), text));
        Some(Waiver {
            finding: raw.finding.clone()?,
            service: service?,
            reason: reason?,
            owner: owner?,
            expires: expires?,
        })
    }

    /// A text of one line that says something.
    fn line(&mut self, path: &Path, text: Option<&String>, help: &str) -> Option<String> {
        let text = text?;
        let problem = if text.trim().is_empty() {
            "is empty"
        } else if text.contains(char::is_control) {
            "is more than one line"
        } else if text.len() > REASON_BYTES_MAX {
            "is too long"
        } else {
            return Some(text.trim().to_owned());
        };
        self.report(path, format!("`{path}` {problem}"), format!("{help}, in one line"));
        None
    }

    fn date(&mut self, path: &Path, text: &str) -> Option<Date> {
        let date = Date::parse(text);
        if date.is_err() {
            let message = format!("`{}` is no date", text.escape_debug());
            self.report(path, message, "write year, month and day, such as `2027-01-31`");
        }
        date.ok()
    }
}
