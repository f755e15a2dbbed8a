//! Names of repositories, tags and digests (OCI distribution specification 1.1, "Pulling manifests").

use seaworthy_model::{Digest, Name};
use std::fmt;

/// The longest name of a repository, in bytes: with a host before it, it still fits where names are kept.
const NAME_BYTES_MAX: usize = 255;
/// The longest tag, in bytes.
const TAG_BYTES_MAX: usize = 128;

/// The name of a repository: parts of lower-case letters and digits, with `.`, `_`, `__` or hyphens between them, and
/// `/` between the parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository(String);

/// What a manifest is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A name that may be moved: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    Tag(String),
    /// Its content.
    Digest(Digest),
}

/// A text that is no such name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Not of a repository.
    #[error("`{0}` is no name of a repository")]
    Repository(String),
    /// Neither a tag nor a digest.
    #[error("`{0}` is neither a tag nor a digest")]
    Reference(String),
    /// Not a digest of a kind that is kept here.
    #[error("`{0}` is no SHA-256 digest")]
    Digest(String),
}

impl Repository {
    /// Reads a name.
    ///
    /// # Errors
    /// [`InvalidName::Repository`].
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let valid = text.len() <= NAME_BYTES_MAX && text.split('/').all(is_part);
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidName::Repository(shortened(text))) }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// App and service, if the name has the form of a release's image.
    #[must_use]
    pub fn service(&self) -> Option<(Name, Name)> {
        let (app, service) = self.0.split_once('/')?;
        Some((Name::new(app).ok()?, Name::new(service).ok()?))
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Reference {
    /// Reads a tag or a digest.
    ///
    /// # Errors
    /// [`InvalidName::Reference`], or [`InvalidName::Digest`] for what has the form of a digest.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        if text.contains(':') {
            return digest(text).map(Self::Digest);
        }
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let mut bytes = text.bytes();
        let valid = text.len() <= TAG_BYTES_MAX
            && bytes.next().is_some_and(word)
            && bytes.all(|byte| word(byte) || matches!(byte, b'.' | b'-'));
        if valid { Ok(Self::Tag(text.to_owned())) } else { Err(InvalidName::Reference(shortened(text))) }
    }
}

/// Reads a digest.
pub(crate) fn digest(text: &str) -> Result<Digest, InvalidName> {
    Digest::try_from(text.to_owned()).map_err(|_| InvalidName::Digest(shortened(text)))
}

/// Letters and digits, with single separators between them: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn is_part(part: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    if !ends.iter().all(|end| end.is_some_and(|byte| alphanumeric(*byte))) {
        return false;
    }
    let separators = part.split(|letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    separators
        .filter(|separator| !separator.is_empty())
        .all(|separator| matches!(separator, "." | "_" | "__") || separator.bytes().all(|byte| byte == b'-'))
}

/// What came from outside, as much of it as a message needs.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_what_the_specification_says() {
        for good in ["a", "shop/web", "a.b_c__d---e/f0/0", "x".repeat(255).as_str()] {
            assert!(Repository::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", "a b", "é", &"x".repeat(256)]
        {
            assert!(Repository::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn references_are_tags_or_digests() {
        for good in ["latest", "_", "1.0-rc.1", &"T".repeat(128)] {
            assert_eq!(Reference::parse(good), Ok(Reference::Tag(good.to_owned())));
        }
        for bad in ["", ".a", "-a", "a/b", "a b", &"t".repeat(129), "ä"] {
            assert!(matches!(Reference::parse(bad), Err(InvalidName::Reference(_))), "{bad}");
        }
        let digest = Digest::of(b"x");
        assert_eq!(Reference::parse(&digest.to_string()), Ok(Reference::Digest(digest)));
        for bad in ["sha256:", "sha256:AB", "sha512:00", ":", "md5:x"] {
            assert!(matches!(Reference::parse(bad), Err(InvalidName::Digest(_))), "{bad}");
        }
    }

    #[test]
    fn two_parts_may_be_an_app_and_its_service() {
        let service = |text| Repository::parse(text).unwrap().service();
        assert_eq!(service("shop/web"), Some((Name::new("shop").unwrap(), Name::new("web").unwrap())));
        assert_eq!(service("shop"), None);
        assert_eq!(service("shop/web/x"), None);
    }

    proptest! {
        #[test]
        fn what_is_taken_is_kept_as_it_is(text in "[a-zA-Z0-9._/:-]{0,40}") {
            if let Ok(name) = Repository::parse(&text) {
                prop_assert_eq!(name.as_str(), text.as_str());
                prop_assert!(!text.contains(".."));
            }
            let _ = Reference::parse(&text);
        }
    }
}
