//! Package URLs (ECMA-427): `pkg:TYPE/NAMESPACE/NAME@VERSION?QUALIFIERS`.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// Where a package comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ecosystem {
    /// A package of cargo, from whatever registry.
    Cargo,
    /// A Debian package.
    Debian,
    /// A Go module.
    Go,
    /// npm.
    Npm,
    /// PyPI.
    Python,
    /// RubyGems.
    Ruby,
}

/// A package, as its ecosystem names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Package {
    /// Where it comes from.
    pub ecosystem: Ecosystem,
    /// Its whole name: `@types/node`, `github.com/gin-gonic/gin`.
    pub name: String,
    /// Its version, if it is settled.
    pub version: Option<String>,
    /// What else tells it from others: `arch`, `platform`; sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub qualifiers: Vec<(String, String)>,
}

impl Package {
    /// A package of a version.
    #[must_use]
    pub fn new(ecosystem: Ecosystem, name: &str, version: &str) -> Self {
        Self { ecosystem, name: name.to_owned(), version: Some(version.to_owned()), qualifiers: Vec::new() }
    }

    /// Its name as people read it.
    pub(crate) fn full_name(&self) -> String {
        self.name.clone()
    }

    /// Its package URL.
    #[must_use]
    pub fn url(&self) -> String {
        let name = match self.ecosystem {
            Ecosystem::Go => self.name.to_lowercase(),
            Ecosystem::Python => self.name.to_lowercase().replace('_', "-"),
            Ecosystem::Debian => format!("debian/{}", self.name.to_lowercase()),
            _ => self.name.clone(),
        };
        let kind = match self.ecosystem {
            Ecosystem::Cargo => "cargo",
            Ecosystem::Debian => "deb",
            Ecosystem::Go => "golang",
            Ecosystem::Npm => "npm",
            Ecosystem::Python => "pypi",
            Ecosystem::Ruby => "gem",
        };
        let parts: Vec<String> = name.split('/').map(encoded).collect();
        let mut url = format!("pkg:{kind}/{}", parts.join("/"));
        if let Some(version) = &self.version {
            let _ = write!(url, "@{}", encoded(version));
        }
        for (index, (key, value)) in self.qualifiers.iter().enumerate() {
            let _ = write!(url, "{}{key}={}", if index == 0 { '?' } else { '&' }, encoded(value));
        }
        url
    }
}

fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_those_of_the_specification() {
        let url = |ecosystem, name: &str, version: &str| Package::new(ecosystem, name, version).url();
        assert_eq!(url(Ecosystem::Npm, "@angular/animation", "12.3.1"), "pkg:npm/%40angular/animation@12.3.1");
        assert_eq!(url(Ecosystem::Python, "Django_allauth", "12.23"), "pkg:pypi/django-allauth@12.23");
        assert_eq!(url(Ecosystem::Go, "google.golang.org/genproto", "v0"), "pkg:golang/google.golang.org/genproto@v0");
        assert_eq!(url(Ecosystem::Debian, "curl", "7.50.3-1"), "pkg:deb/debian/curl@7.50.3-1");
        assert_eq!(url(Ecosystem::Debian, "libstdc++6", "1:12.2+b1"), "pkg:deb/debian/libstdc%2B%2B6@1:12.2%2Bb1");
    }
}
