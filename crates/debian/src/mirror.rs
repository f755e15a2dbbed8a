//! Where packages come from.

use crate::error::Error;
use crate::limits;
use crate::trust::Keyring;

/// An archive that is named, not found: `deb URI SUITE… COMPONENT…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The archive's root, `http://` or `https://`, such as `https://deb.example/debian`.
    pub uri: String,
    /// Suites below it, the main one first, such as `bookworm` and `bookworm-updates`.
    pub suites: Vec<String>,
    /// Components, such as `main`.
    pub components: Vec<String>,
    /// Keyrings, binary or armored; none: those that this machine trusts.
    pub keyrings: Vec<Vec<u8>>,
}

impl Mirror {
    /// Its suites, signed by its own keys, or by these where it has none.
    pub(crate) fn as_suites(&self, others: &Keyring) -> Result<Vec<Suite>, Error> {
        let unusable = |what: &str| Error::Mirror { address: shown(&self.uri), what: what.to_owned() };
        let mut keys = Keyring::default();
        for keyring in &self.keyrings {
            if keyring.len() as u64 > limits::KEYRING_BYTES_MAX || keys.add(keyring) == 0 {
                return Err(unusable("its keyring holds no key"));
            }
        }
        let is_known = ["http://", "https://"].iter().any(|scheme| self.uri.starts_with(scheme));
        if !is_known || self.suites.is_empty() || self.suites.len() > limits::SUITES_MAX {
            return Err(unusable("it needs an address that begins with `https://` or `http://`, and a suite"));
        }
        let suite = |name: &String| Suite {
            uri: self.uri.trim_end_matches('/').to_owned(),
            name: name.clone(),
            components: self.components.clone(),
            keys: if self.keyrings.is_empty() { others.clone() } else { keys.clone() },
            check_date: true,
            check_valid_until: true,
        };
        Ok(self.suites.iter().map(suite).collect())
    }
}

/// One suite at one place.
#[derive(Debug, Clone)]
pub(crate) struct Suite {
    /// The archive's root, without `/` at its end.
    pub(crate) uri: String,
    /// The suite as it is written; ends in `/` where the archive has no `dists`.
    pub(crate) name: String,
    pub(crate) components: Vec<String>,
    pub(crate) keys: Keyring,
    pub(crate) check_date: bool,
    pub(crate) check_valid_until: bool,
}

impl Suite {
    /// Where its `InRelease` and the paths in it begin.
    pub(crate) fn base(&self) -> String {
        match self.name.strip_suffix('/') {
            Some(path) => format!("{}/{}", self.uri, path.trim_start_matches("./").trim_start_matches('.')),
            None => format!("{}/dists/{}", self.uri, self.name),
        }
        .trim_end_matches('/')
        .to_owned()
    }

    /// Where a `Filename` is.
    pub(crate) fn pool(&self, path: &str) -> String {
        format!("{}/{}", self.uri, path.trim_start_matches("./"))
    }

    /// The lists of packages: their paths without the end that says how they are compressed.
    pub(crate) fn indexes(&self, architecture: &str) -> Vec<String> {
        if self.name.ends_with('/') {
            return vec!["Packages".to_owned()];
        }
        self.components.iter().map(|component| format!("{component}/binary-{architecture}/Packages")).collect()
    }
}

/// An address without its password, for people.
pub(crate) fn shown(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_owned() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://{host}{path}"),
        None => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suite(name: &str) -> Suite {
        Suite {
            uri: "http://a/debian".into(),
            name: name.into(),
            components: vec!["main".into()],
            keys: Keyring::default(),
            check_date: true,
            check_valid_until: true,
        }
    }

    #[test]
    fn knows_where_its_files_are() {
        assert_eq!(suite("stable").base(), "http://a/debian/dists/stable");
        assert_eq!(suite("stable").indexes("amd64"), ["main/binary-amd64/Packages"]);
        assert_eq!((suite("./").base(), suite("x/").base()), ("http://a/debian".into(), "http://a/debian/x".into()));
        assert_eq!(suite("./").indexes("amd64"), ["Packages"]);
        assert_eq!(suite("./").pool("./a.deb"), "http://a/debian/a.deb");
        assert_eq!(shown("https://me:secret@a/b@c"), "https://a/b@c");
    }
}
