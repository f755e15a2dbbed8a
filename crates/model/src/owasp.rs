//! Categories of the OWASP Top 10, of 2021 and of 2025.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A category, such as `A03:2021`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Category {
    edition: Edition,
    /// From 1 to 10.
    number: u8,
}

/// The edition of the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edition {
    /// <https://owasp.org/Top10/2021/>
    Top2021,
    /// <https://owasp.org/Top10/2025/>
    Top2025,
}

const TITLES_2021: [&str; 10] = [
    "Broken Access Control",
    "Cryptographic Failures",
    "Injection",
    "Insecure Design",
    "Security Misconfiguration",
    "Vulnerable and Outdated Components",
    "Identification and Authentication Failures",
    "Software and Data Integrity Failures",
    "Security Logging and Monitoring Failures",
    "Server-Side Request Forgery",
];

const TITLES_2025: [&str; 10] = [
    "Broken Access Control",
    "Security Misconfiguration",
    "Software Supply Chain Failures",
    "Cryptographic Failures",
    "Injection",
    "Insecure Design",
    "Authentication Failures",
    "Software or Data Integrity Failures",
    "Security Logging and Alerting Failures",
    "Mishandling of Exceptional Conditions",
];

/// A text that names no category.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no category of the OWASP Top 10 (`A01:2021` to `A10:2021`, `A01:2025` to `A10:2025`)")]
pub struct InvalidCategory(pub String);

impl Category {
    /// The category with this number, from 1 to 10.
    #[must_use]
    pub fn new(edition: Edition, number: u8) -> Option<Self> {
        (1..=10).contains(&number).then_some(Self { edition, number })
    }

    /// Its title, as OWASP writes it.
    #[must_use]
    pub fn title(self) -> &'static str {
        let titles = match self.edition {
            Edition::Top2021 => &TITLES_2021,
            Edition::Top2025 => &TITLES_2025,
        };
        titles[usize::from(self.number) - 1]
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let year = match self.edition {
            Edition::Top2021 => 2021,
            Edition::Top2025 => 2025,
        };
        write!(f, "A{:02}:{year}", self.number)
    }
}

impl TryFrom<String> for Category {
    type Error = InvalidCategory;

    fn try_from(text: String) -> Result<Self, InvalidCategory> {
        let read = || {
            let (number, year) = text.strip_prefix('A')?.split_once(':')?;
            let edition = match year {
                "2021" => Edition::Top2021,
                "2025" => Edition::Top2025,
                _ => return None,
            };
            Self::new(edition, number.parse().ok()?)
        };
        match read() {
            Some(category) if category.to_string() == text => Ok(category),
            _ => Err(InvalidCategory(text)),
        }
    }
}

impl From<Category> for String {
    fn from(category: Category) -> Self {
        category.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn categories_are_read_as_they_are_written() {
        let category = Category::try_from("A10:2025".to_owned()).unwrap();
        assert_eq!((category.to_string().as_str(), category.title()), ("A10:2025", TITLES_2025[9]));
        for bad in ["A11:2021", "A00:2021", "A1:2021", "A01:2017", "A+1:2021", "A01", ""] {
            assert!(Category::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
