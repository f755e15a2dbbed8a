//! Findings: something wrong, from a test, a scan or a check.

use crate::{Digest, Name};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;

/// The longest identifier of a rule, in bytes.
pub const RULE_BYTES_MAX: usize = 128;

/// How bad it is; the order is that of badness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; nothing has to be done.
    Note,
    /// To be put right some day.
    Low,
    /// To be put right soon.
    Medium,
    /// Users, or their data, can be harmed.
    High,
    /// Being harmed is a matter of time.
    Critical,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Note];

    /// The word for it in files and messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Who found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A service's `test`.
    Test,
    /// A scan of dependencies, of secrets in the source, of a running service.
    Scan,
    /// A check (a Hurl file).
    Check,
    /// The gates themselves: a waiver that has expired.
    Gate,
}

impl Source {
    /// The word for it in files and messages.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Scan => "scan",
            Self::Check => "check",
            Self::Gate => "gate",
        }
    }
}

/// Something wrong.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Finding {
    /// What kind of thing it is: [`rule`] has those of Seaworthy itself; scanners use their own, such as
    /// `CVE-2021-44228`.
    pub rule: String,
    /// Who found it.
    pub source: Source,
    /// How bad it is.
    pub severity: Severity,
    /// Its category in the OWASP Top 10.
    #[serde(default)]
    pub owasp: Option<crate::owasp::Category>,
    /// The service that it is in.
    #[serde(default)]
    pub service: Option<Name>,
    /// The file that it is in, relative to the manifest's folder.
    #[serde(default)]
    pub file: Option<String>,
    /// The line of `file`, from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// What tells it from others of the same rule, service and file: a test's name, a package.
    #[serde(default)]
    pub subject: Option<String>,
    /// What is wrong, in one line.
    pub message: String,
    /// How to put it right.
    #[serde(default)]
    pub help: Option<String>,
}

/// The rules of Seaworthy itself.
pub mod rule {
    /// A test failed, or the command that runs the tests did.
    pub const FAILED_TEST: &str = "failed-test";
    /// A test passed, but not at the first attempt.
    pub const FLAKY_TEST: &str = "flaky-test";
    /// The report of a service's tests is missing, cannot be read or names no test.
    pub const UNREADABLE_REPORT: &str = "unreadable-report";
    /// A functional check failed.
    pub const FAILED_CHECK: &str = "failed-check";
    /// A waiver has expired: it counts no more.
    pub const EXPIRED_WAIVER: &str = "expired-waiver";
    /// A waiver fits no finding.
    pub const UNUSED_WAIVER: &str = "unused-waiver";

    /// All of them; scanners bring rules of their own.
    pub const OWN: [&str; 6] =
        [FAILED_TEST, FLAKY_TEST, UNREADABLE_REPORT, FAILED_CHECK, EXPIRED_WAIVER, UNUSED_WAIVER];
}

impl Finding {
    /// A finding without a place.
    #[must_use]
    pub fn new(source: Source, rule: impl Into<String>, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            source,
            severity,
            owasp: None,
            service: None,
            file: None,
            line: None,
            subject: None,
            message: message.into(),
            help: None,
        }
    }

    /// Adds the service.
    #[must_use]
    pub fn of_service(mut self, service: Option<&Name>) -> Self {
        self.service = service.cloned();
        self
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, file: Option<String>, line: Option<u32>) -> Self {
        self.file = file;
        self.line = line;
        self
    }

    /// Adds what tells it from others.
    #[must_use]
    pub fn about(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// Adds the way to put it right.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// 16 hexadecimal digits that stay the same while the thing is wrong: they depend on source, rule, service, file
    /// and subject; not on the line, which moves, nor on message and severity, which scanners reword and judge anew.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let identity = (self.source, &self.rule, &self.service, &self.file, &self.subject);
        Digest::of_json(&identity).hex()[..FINGERPRINT_DIGITS].to_owned()
    }

    /// `FILE:LINE`, as much of it as is known.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let file = self.file.as_ref()?;
        Some(self.line.map_or_else(|| file.clone(), |line| format!("{file}:{line}")))
    }
}

/// How many digits a fingerprint has.
pub const FINGERPRINT_DIGITS: usize = 16;

/// Whether a text may name a rule: letters, digits and `.`, `_`, `:`, `/`, `@`, `-`.
#[must_use]
pub fn is_rule(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"._:/@-".contains(&byte);
    !text.is_empty() && text.len() <= RULE_BYTES_MAX && text.bytes().all(inside)
}

/// The fingerprint is written, so that people can name the finding; it is never read.
impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Finding<'a> {
            fingerprint: String,
            rule: &'a str,
            source: Source,
            severity: Severity,
            #[serde(skip_serializing_if = "Option::is_none")]
            owasp: &'a Option<crate::owasp::Category>,
            #[serde(skip_serializing_if = "Option::is_none")]
            service: &'a Option<Name>,
            #[serde(skip_serializing_if = "Option::is_none")]
            file: &'a Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            line: Option<u32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            subject: &'a Option<String>,
            message: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            help: &'a Option<String>,
        }
        let written = Finding {
            fingerprint: self.fingerprint(),
            rule: &self.rule,
            source: self.source,
            severity: self.severity,
            owasp: &self.owasp,
            service: &self.service,
            file: &self.file,
            line: self.line,
            subject: &self.subject,
            message: &self.message,
            help: &self.help,
        };
        written.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak() -> Finding {
        Finding::new(Source::Scan, "leak/key", Severity::High, "a key").at(Some("a.py".into()), Some(3)).about("AKIA…1")
    }

    #[test]
    fn a_fingerprint_outlives_moved_lines_and_other_words() {
        let mut moved = leak().help("take it out");
        (moved.line, moved.message, moved.severity) = (Some(90), "a secret key".into(), Severity::Critical);
        assert_eq!(moved.fingerprint(), leak().fingerprint());
    }

    #[test]
    fn a_fingerprint_tells_findings_apart() {
        let mut others = vec![leak(); 5];
        others[1].rule = "leak/token".into();
        others[2].service = Some(Name::new("web").unwrap());
        others[3].file = Some("b.py".into());
        others[4].subject = Some("AKIA…2".into());
        let prints: std::collections::BTreeSet<_> = others.iter().map(Finding::fingerprint).collect();
        assert_eq!(prints.len(), others.len());
    }

    #[test]
    fn a_written_fingerprint_is_not_believed() {
        let mut json = serde_json::to_value(leak()).unwrap();
        json["fingerprint"] = "0000000000000000".into();
        assert_eq!(serde_json::from_value::<Finding>(json).unwrap().fingerprint(), leak().fingerprint());
    }
}
