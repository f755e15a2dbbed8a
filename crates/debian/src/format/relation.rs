//! What a package says of others: `Depends`, `Pre-Depends`, `Conflicts`, `Breaks`, `Replaces`, `Provides`
//! (Debian policy 7.1).

use crate::format::version;
use crate::limits;
use debversion::Version;
use std::fmt;

/// A list of relations that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no relation to a package")]
pub struct RelationError(pub String);

/// How versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

impl Operator {
    const ALL: [(&'static str, Self); 7] = [
        ("<<", Self::Earlier),
        ("<=", Self::EarlierOrEqual),
        (">=", Self::LaterOrEqual),
        (">>", Self::Later),
        ("=", Self::Equal),
        ("<", Self::EarlierOrEqual), // dpkg still reads these two so
        (">", Self::LaterOrEqual),
    ];

    fn holds(self, version: &Version, wanted: &Version) -> bool {
        match self {
            Self::Earlier => version < wanted,
            Self::EarlierOrEqual => version <= wanted,
            Self::Equal => version == wanted,
            Self::LaterOrEqual => version >= wanted,
            Self::Later => version > wanted,
        }
    }
}

/// One package, in some of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// The package, without its `:any`.
    pub name: String,
    /// Which versions; all of them when there is nothing.
    pub versions: Option<(Operator, Version)>,
}

impl Relation {
    /// Whether this version is meant.
    #[must_use]
    pub fn takes(&self, version: &Version) -> bool {
        self.versions.as_ref().is_none_or(|(operator, wanted)| operator.holds(version, wanted))
    }

    /// Whether a `Provides` is meant: one without a version counts for relations without a version only (policy 7.5).
    #[must_use]
    pub fn takes_provided(&self, version: Option<&Version>) -> bool {
        match version {
            Some(version) => self.takes(version),
            None => self.versions.is_none(),
        }
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let Some((operator, version)) = &self.versions else { return Ok(()) };
        let sign = Operator::ALL.iter().find(|(_, candidate)| candidate == operator).map_or("=", |(sign, _)| sign);
        write!(f, " ({sign} {version})")
    }
}

/// The alternatives of one dependency, the preferred one first.
pub type Alternatives = Vec<Relation>;

/// Reads a list: alternatives by `|`, dependencies by `,`.
///
/// # Errors
/// [`RelationError`] with the part that is wrong.
pub fn parse(text: &str) -> Result<Vec<Alternatives>, RelationError> {
    let mut count = 0;
    let mut list = Vec::new();
    for group in text.split(',').map(str::trim).filter(|group| !group.is_empty()) {
        let mut alternatives = Vec::new();
        for one in group.split('|') {
            count += 1;
            let relation = if count > limits::RELATIONS_MAX { None } else { relation(one.trim()) };
            alternatives.push(relation.ok_or_else(|| RelationError(one.trim().chars().take(80).collect()))?);
        }
        list.push(alternatives);
    }
    Ok(list)
}

/// Reads a list in which there are no alternatives (`Conflicts`, `Provides` and the like).
///
/// # Errors
/// [`RelationError`], for alternatives too.
pub fn parse_flat(text: &str) -> Result<Vec<Relation>, RelationError> {
    let take = |mut group: Alternatives| match (group.pop(), group.is_empty()) {
        (Some(relation), true) => Ok(relation),
        _ => Err(RelationError(text.chars().take(80).collect())),
    };
    parse(text)?.into_iter().map(take).collect()
}

/// `name[:architecture] [(operator version)]`
fn relation(text: &str) -> Option<Relation> {
    let (name, versions) = match text.split_once('(') {
        None => (text, None),
        Some((name, rest)) => {
            let inside = rest.trim_end().strip_suffix(')')?.trim();
            let (sign, operator) = Operator::ALL.iter().find(|(sign, _)| inside.starts_with(sign))?;
            let version = version::parse(inside[sign.len()..].trim()).ok()?;
            (name.trim_end(), Some((*operator, version)))
        }
    };
    let name = name.split_once(':').map_or(name, |(name, _)| name);
    is_package_name(name).then(|| Relation { name: name.to_owned(), versions })
}

/// Whether a package may be called so (Debian policy 5.6.1; capitals exist in old archives).
#[must_use]
pub fn is_package_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_');
    (1..=200).contains(&name.len()) && name.as_bytes()[0].is_ascii_alphanumeric() && name.bytes().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_alternatives_versions_and_architectures() {
        let list = parse("libc6 (>= 2.36), python3:any (<< 3.12), awk | mawk(=1.3-4) ,").unwrap();
        let shown: Vec<Vec<String>> =
            list.iter().map(|group| group.iter().map(ToString::to_string).collect()).collect();
        assert_eq!(shown, [vec!["libc6 (>= 2.36)"], vec!["python3 (<< 3.12)"], vec!["awk", "mawk (= 1.3-4)"]]);
        for wrong in ["a (1)", "a (>= )", "a (>= 1", "a b", "a | ", "ä", "-a", "a [amd64]"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse_flat("a | b").is_err());
        assert!(parse(&"a,".repeat(limits::RELATIONS_MAX + 1)).is_err());
    }

    #[test]
    fn what_is_provided_without_a_version_has_none() {
        let [plain, versioned] = ["x", "x (>= 2)"].map(|text| parse_flat(text).unwrap().remove(0));
        let two = version::parse("2").unwrap();
        assert!(plain.takes_provided(None) && plain.takes_provided(Some(&two)));
        assert!(!versioned.takes_provided(None) && versioned.takes_provided(Some(&two)));
    }

    proptest! {
        #[test]
        fn what_is_shown_is_read(
            name in "[a-z0-9][a-z0-9+.-]{0,9}", sign in 0..5_usize, version in "[0-9][0-9a-z.+~]{0,8}",
        ) {
            let text = format!("{name} ({} {version})", Operator::ALL[sign].0);
            prop_assert_eq!(parse_flat(&text).unwrap()[0].to_string(), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[ab(),|:<>= 0-9~ä-]{0,60}") {
            let _ = parse(&text);
        }
    }
}
