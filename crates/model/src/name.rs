//! Names of apps, services, routes, environments, teams and volumes.

use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::fmt;

/// The longest name: three of them and two hyphens (`app-env-team`) still fit one DNS label of 63.
pub const NAME_LENGTH_MAX: usize = 20;

/// A DNS label (RFC 1123) in lower case of at most [`NAME_LENGTH_MAX`] characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// A text that cannot be a [`Name`]; says why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing at all.
    #[error("a name cannot be empty")]
    Empty,
    /// More than [`NAME_LENGTH_MAX`] characters.
    #[error("`{0}` is longer than {NAME_LENGTH_MAX} characters")]
    TooLong(String),
    /// Something else than `a-z`, `0-9` and inner hyphens.
    #[error("`{0}` is not a DNS label: use a-z, 0-9 and hyphens, starting with a letter and not ending with a hyphen")]
    NotALabel(String),
}

impl Name {
    /// Checks and takes a text as a name.
    ///
    /// # Errors
    /// [`InvalidName`] when the text is empty, too long or no DNS label that starts with a letter.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
        let text = text.into();
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.len() > NAME_LENGTH_MAX {
            return Err(InvalidName::TooLong(text));
        }
        let inner = text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        let edges = text.starts_with(|c: char| c.is_ascii_lowercase()) && !text.ends_with('-');
        if inner && edges { Ok(Self(text)) } else { Err(InvalidName::NotALabel(text)) }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Name {
    type Error = InvalidName;

    fn try_from(text: String) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl std::str::FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::new(text)
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_labels_and_nothing_else() {
        for good in ["a", "echo-rust", "x9", "unstoppable-echo"] {
            assert!(Name::new(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "A", "9a", "a_b", "a.b", "ä", "a-name-longer-than-twenty"] {
            assert!(Name::new(bad).is_err(), "{bad}");
        }
    }
}
