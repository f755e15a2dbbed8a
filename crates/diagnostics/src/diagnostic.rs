//! One thing that is wrong, as data.

use serde::{Deserialize, Serialize};

/// Whose fault it is: who has to do something about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// What the user wrote or typed.
    User,
    /// The service that was to run.
    Service,
    /// The machine: disk, permissions, a missing program, the network.
    Machine,
    /// Seaworthy itself.
    Seaworthy,
}

/// Whether the same call may succeed later without anything being changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// It will fail again.
    Never,
    /// It may succeed later.
    Later,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The file's path as the user would type it.
    pub file: String,
    /// The whole text of the file.
    pub text: String,
    /// The bytes of `text` that are meant, start and end.
    pub span: (usize, usize),
}

/// One thing that is wrong: where, what, and how to fix it.
///
/// `message` starts in lower case, has no full stop and puts values in backticks; it is rendered as `error: MESSAGE`,
/// the lines of the place, and a `help: HELP` line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// Lines of evidence: a program's last words, a request and its answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// Who has to act.
    pub fault: Fault,
    /// Whether waiting helps.
    pub retry: Retry,
}

impl Diagnostic {
    /// A diagnostic that waiting does not cure.
    #[must_use]
    pub fn new(fault: Fault, message: impl Into<String>) -> Self {
        Self { message: message.into(), help: None, place: None, evidence: Vec::new(), fault, retry: Retry::Never }
    }

    /// The user has to change something.
    #[must_use]
    pub fn user(message: impl Into<String>) -> Self {
        Self::new(Fault::User, message)
    }

    /// The service did not do what it should.
    #[must_use]
    pub fn service(message: impl Into<String>) -> Self {
        Self::new(Fault::Service, message)
    }

    /// The machine did not do what it should.
    #[must_use]
    pub fn machine(message: impl Into<String>) -> Self {
        Self::new(Fault::Machine, message)
    }

    /// Adds the next thing to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }

    /// Adds lines of evidence.
    #[must_use]
    pub fn evidence(mut self, lines: impl IntoIterator<Item = String>) -> Self {
        self.evidence.extend(lines);
        self
    }

    /// Says that the same call may succeed later.
    #[must_use]
    pub fn later(mut self) -> Self {
        self.retry = Retry::Later;
        self
    }
}

impl std::fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}
