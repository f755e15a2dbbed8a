//! `seaworthy.lock`: the very packages that each base consists of, so that the same commit has the same bytes.

use crate::error::Error;
use crate::format::relation::is_package_name;
use crate::limits;
use crate::trust::release::sha256_text;
use seaworthy_diagnostics::Diagnostic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One package, pinned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its architecture: the base's, or `all`.
    pub architecture: String,
    /// Bytes of the package file.
    pub size: u64,
    /// The package file's SHA-256, lower case, hexadecimal.
    pub sha256: String,
    /// The package file's path in the archive.
    pub path: String,
    /// The suite that it was found in.
    pub suite: String,
}

/// What a list of requested packages became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedBase {
    /// The requested packages, sorted, each one once.
    pub packages: Vec<String>,
    /// The archive's main suite, as it was asked for.
    pub suite: String,
    /// Debian's name of the architecture, such as `amd64`.
    pub architecture: String,
    /// Whose archive it is, such as `Debian`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// The suite's codename, such as `bookworm`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codename: Option<String>,
    /// The suite's version, such as `12.11`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// All the packages, by name.
    #[serde(default, rename = "package")]
    pub locked: Vec<LockedPackage>,
}

impl LockedBase {
    /// Bytes of all the package files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.locked.iter().map(|package| package.size).sum()
    }
}

/// The file; what other parts keep in it stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Lock {
    #[serde(default, rename = "debian", skip_serializing_if = "Vec::is_empty")]
    bases: Vec<LockedBase>,
    #[serde(flatten)]
    others: BTreeMap<String, toml::Value>,
}

const HEAD: &str = "# The exact packages and images of each base. Seaworthy writes this file; commit it.\n\n";

impl Lock {
    /// Reads the file's text.
    ///
    /// # Errors
    /// When it is no such file, or an entry in it could not have been written here.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        if text.len() > limits::LOCK_BYTES_MAX {
            let most = limits::LOCK_BYTES_MAX as u64;
            return Err(Error::Limit { what: "bytes in `seaworthy.lock`".to_owned(), most }.into());
        }
        let lock: Self = toml::from_str(text).map_err(|error| Error::Lock(error.message().to_owned()))?;
        for base in &lock.bases {
            if let Some(package) = base.locked.iter().find(|package| !is_sound(package)) {
                return Err(Error::Lock(format!("the entry of the package `{}` is damaged", package.name)).into());
            }
        }
        Ok(lock)
    }

    /// Every base that it names.
    #[must_use]
    pub fn bases(&self) -> &[LockedBase] {
        &self.bases
    }

    /// The file's text: the same lock gives the same text.
    #[must_use]
    pub fn to_text(&self) -> String {
        // Values that came from TOML, or are strings and numbers, can be written as TOML.
        HEAD.to_owned() + &toml::to_string(self).unwrap_or_default()
    }

    /// What these packages became. Without a suite the one that is there counts: a machine without apt, or with another
    /// release of Debian, builds what was locked.
    #[must_use]
    pub fn entry(&self, packages: &[String], suite: Option<&str>, architecture: &str) -> Option<&LockedBase> {
        let packages = sorted(packages);
        self.bases.iter().find(|base| {
            base.packages == packages
                && base.architecture == architecture
                && suite.is_none_or(|suite| base.suite == suite || base.codename.as_deref() == Some(suite))
        })
    }

    /// Keeps a base in the place of the one for the same packages, suite and architecture.
    pub fn set(&mut self, base: LockedBase) {
        let key = |base: &LockedBase| (base.packages.clone(), base.suite.clone(), base.architecture.clone());
        self.bases.retain(|other| key(other) != key(&base));
        self.bases.push(base);
        self.bases.sort_by_key(key);
    }

    /// A section that another part keeps here.
    #[must_use]
    pub fn section(&self, name: &str) -> Option<&toml::Table> {
        self.others.get(name)?.as_table()
    }

    /// Puts such a section in the place of the one that is there.
    pub fn set_section(&mut self, name: &str, table: toml::Table) {
        self.others.insert(name.to_owned(), toml::Value::Table(table));
    }

    /// Drops the bases that are not among these: each is packages, and an architecture.
    pub fn keep_only(&mut self, wanted: &[(Vec<String>, String)]) {
        let wanted: Vec<_> = wanted.iter().map(|(packages, architecture)| (sorted(packages), architecture)).collect();
        self.bases.retain(|base| wanted.iter().any(|(p, a)| *p == base.packages && **a == base.architecture));
    }
}

/// The requested packages as a lock keeps them.
#[must_use]
pub fn sorted(packages: &[String]) -> Vec<String> {
    let mut packages = packages.to_vec();
    packages.sort();
    packages.dedup();
    packages
}

/// The sum and the path become addresses and names of files.
fn is_sound(package: &LockedPackage) -> bool {
    sha256_text(&package.sha256).as_ref() == Some(&package.sha256)
        && is_package_name(&package.name)
        && package.size <= limits::PACKAGE_BYTES_MAX
        && package.path.len() <= limits::PATH_BYTES_MAX
        && !package.path.contains("://")
        && !package.path.split('/').any(|part| part == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(names: &[&str], suite: &str) -> LockedBase {
        LockedBase {
            packages: names.iter().map(|name| (*name).to_owned()).collect(),
            suite: suite.to_owned(),
            architecture: "amd64".to_owned(),
            origin: Some("Debian".to_owned()),
            codename: Some("bookworm".to_owned()),
            version: Some("12.11".to_owned()),
            locked: vec![LockedPackage {
                name: "libc6".to_owned(),
                version: "2.36-9+deb12u10".to_owned(),
                architecture: "amd64".to_owned(),
                size: 2_757_000,
                sha256: "0123456789abcdef".repeat(4),
                path: "pool/main/g/glibc/libc6_2.36-9+deb12u10_amd64.deb".to_owned(),
                suite: "bookworm".to_owned(),
            }],
        }
    }

    #[test]
    fn what_is_written_is_read_and_other_parts_stay() {
        let mut lock = Lock::parse("[[image]]\nname = \"x\"\n").unwrap();
        lock.set(base(&["python3"], "bookworm"));
        lock.set(base(&["libc6"], "stable"));
        lock.set(base(&["python3"], "bookworm"));
        let text = lock.to_text();
        insta::assert_snapshot!(text);
        assert_eq!(Lock::parse(&text).unwrap(), lock);
        assert_eq!(Lock::parse(&text).unwrap().to_text(), text);
    }

    #[test]
    fn an_entry_is_found_by_suite_codename_or_neither() {
        let mut lock = Lock::default();
        lock.set(base(&["a", "b"], "stable"));
        let asked = ["b".to_owned(), "a".to_owned(), "b".to_owned()];
        for suite in [None, Some("stable"), Some("bookworm")] {
            assert!(lock.entry(&asked, suite, "amd64").is_some(), "{suite:?}");
        }
        assert!(lock.entry(&asked, Some("trixie"), "amd64").is_none());
        assert!(lock.entry(&asked, None, "arm64").is_none() && lock.entry(&asked[..1], None, "amd64").is_none());
        lock.keep_only(&[]);
        assert_eq!(lock, Lock::default());
    }

    #[test]
    fn an_entry_that_could_lead_elsewhere_is_refused() {
        let mut lock = Lock::default();
        lock.set(base(&["a"], "stable"));
        for (from, to) in [("0123456789abcdef", "../"), ("pool/main", "pool/.."), ("pool/", "http://evil/")] {
            let error = Lock::parse(&lock.to_text().replacen(from, to, 1)).unwrap_err();
            assert_eq!(error.message, "`seaworthy.lock` is not valid: the entry of the package `libc6` is damaged");
        }
        assert!(Lock::parse("debian = 1").is_err() && Lock::parse("[[debian]]\n").is_err());
    }
}
