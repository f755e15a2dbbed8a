//! What an environment follows, and where its source comes from.

use crate::Name;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How long what another environment runs must have run there, unless the manifest says otherwise.
pub const SOAK: Duration = Duration::from_secs(3600);
/// The longest address of a repository, in bytes.
const REPOSITORY_BYTES_MAX: usize = 2048;
/// The longest name of a branch, in bytes.
const BRANCH_BYTES_MAX: usize = 200;

/// What an environment follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Follow {
    /// The newest commit of this branch that passes.
    Branch(String),
    /// What another environment runs, once it has run there well for long enough.
    Environment {
        /// The other environment.
        name: Name,
        /// For how long.
        soak: Duration,
    },
}

impl fmt::Display for Follow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(branch) => f.write_str(branch),
            Self::Environment { name, .. } => write!(f, "{name}"),
        }
    }
}

/// Whether git would take a text as the name of a branch (git-check-ref-format(1)).
#[must_use]
pub fn is_branch(text: &str) -> bool {
    let odd = |c: char| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c);
    !text.is_empty()
        && text.len() <= BRANCH_BYTES_MAX
        && !text.contains(odd)
        && !text.contains("..")
        && !text.contains("@{")
        && text != "@"
        && !text.ends_with('.')
        && text.split('/').all(|part| !part.is_empty() && !part.starts_with(['.', '-']) && !part.ends_with(".lock"))
}

/// Who is told what became of a deployment that nobody typed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Notify {
    /// A program with its arguments, run in a checkout of the commit with the evidence on its standard input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,
    /// An address to which the evidence is posted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

/// What kind of server has the repository, and takes the status of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forge {
    /// GitHub, or GitHub Enterprise Server.
    Github,
    /// Gitea or Forgejo.
    Gitea,
    /// GitLab.
    Gitlab,
}

/// How git reaches a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// By HTTPS, or by HTTP on this machine.
    Http,
    /// By ssh.
    Ssh,
    /// As a folder of this machine.
    Folder,
}

/// The address of a repository: nothing that git would take for an option or a program, and no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Repository(String);

/// A text that is no [`Repository`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRepository {
    /// No known way to get there.
    #[error("is not the address of a repository")]
    Unknown,
    /// Anybody on the way could change the source.
    #[error("is not protected on its way")]
    Plain,
    /// A password or a token in it.
    #[error("holds a password")]
    Secret,
}

impl InvalidRepository {
    /// The next thing to do.
    #[must_use]
    pub fn help(self) -> &'static str {
        match self {
            Self::Unknown => "write `https://…`, `ssh://user@host/…`, `user@host:path`, `file:///…` or a path from `/`",
            Self::Plain => "write `https://…`; `http://` is for this machine alone",
            Self::Secret => "leave it out: a file in the node's home holds it, see docs/continuous-deployment.md",
        }
    }
}

impl Repository {
    /// Checks and takes an address.
    ///
    /// # Errors
    /// [`InvalidRepository`].
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidRepository> {
        let text = text.into();
        let odd = |c: char| c.is_control() || c.is_whitespace() || "'\"`\\".contains(c);
        if text.is_empty() || text.len() > REPOSITORY_BYTES_MAX || text.contains(odd) || text.starts_with('-') {
            return Err(InvalidRepository::Unknown);
        }
        check(&text)?;
        Ok(Self(text))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How git gets there.
    #[must_use]
    pub fn reached(&self) -> Reached {
        match self.0.split_once("://") {
            Some(("https" | "http", _)) => Reached::Http,
            Some(("file", _)) => Reached::Folder,
            None if self.0.starts_with('/') => Reached::Folder,
            Some(_) | None => Reached::Ssh,
        }
    }

    /// Scheme, host and port, of one that is reached by HTTP.
    #[must_use]
    pub fn origin(&self) -> Option<&str> {
        let start = self.0.find("://").filter(|_| self.reached() == Reached::Http)? + 3;
        let end = self.0[start..].find('/').map_or(self.0.len(), |end| start + end);
        Some(&self.0[..end])
    }

    /// The host, of one on another machine; with its port, if it has one and is reached by HTTP.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        match (self.reached(), self.0.split_once("://")) {
            (Reached::Folder, _) => None,
            (Reached::Http, _) => self.origin()?.split_once("://").map(|(_, host)| host),
            (Reached::Ssh, Some((_, rest))) => {
                let authority = rest.split('/').next()?;
                Some(host_of(authority.rsplit_once('@').map_or(authority, |(_, host)| host)))
            }
            (Reached::Ssh, None) => self.0.split(':').next()?.rsplit_once('@').map(|(_, host)| host),
        }
    }

    /// The path on its server or on this machine, without `.git`.
    #[must_use]
    pub fn path(&self) -> &str {
        let path = match self.0.split_once("://") {
            Some((_, rest)) => rest.find('/').map_or("", |start| &rest[start..]),
            None if self.0.starts_with('/') => &self.0,
            None => self.0.split_once(':').map_or("", |(_, path)| path),
        };
        let path = path.trim_end_matches('/');
        path.strip_suffix(".git").unwrap_or(path)
    }

    /// The folder of one on this machine.
    #[must_use]
    pub fn folder(&self) -> Option<&str> {
        if self.reached() != Reached::Folder {
            return None;
        }
        Some(self.0.strip_prefix("file://").unwrap_or(&self.0))
    }
}

fn host_of(authority: &str) -> &str {
    match authority.strip_prefix('[') {
        Some(address) => address.split(']').next().unwrap_or(address),
        None => authority.split(':').next().unwrap_or(authority),
    }
}

fn is_host(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || ".-_[]:".contains(c);
    !text.is_empty() && !text.starts_with(['-', ':']) && text.chars().all(known)
}

fn check(text: &str) -> Result<(), InvalidRepository> {
    let Some((scheme, rest)) = text.split_once("://") else {
        if text.starts_with('/') {
            return if text.len() > 1 { Ok(()) } else { Err(InvalidRepository::Unknown) };
        }
        // `user@host:path`; `transport::address` would be a program.
        let (authority, path) = text.split_once(':').ok_or(InvalidRepository::Unknown)?;
        let (user, host) = authority.split_once('@').ok_or(InvalidRepository::Unknown)?;
        let right = is_host(user) && is_host(host) && !path.is_empty() && !path.starts_with([':', '-']);
        return if right { Ok(()) } else { Err(InvalidRepository::Unknown) };
    };
    if scheme == "file" {
        let right = rest.starts_with('/') && rest.len() > 1;
        return if right { Ok(()) } else { Err(InvalidRepository::Unknown) };
    }
    let (authority, path) = rest.split_once('/').ok_or(InvalidRepository::Unknown)?;
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if !is_host(host) || path.is_empty() {
        return Err(InvalidRepository::Unknown);
    }
    match (scheme, user) {
        ("https" | "http", Some(_)) => Err(InvalidRepository::Secret),
        ("ssh", Some(user)) if user.contains(':') => Err(InvalidRepository::Secret),
        ("ssh", Some(user)) if !is_host(user) => Err(InvalidRepository::Unknown),
        ("https" | "ssh", _) => Ok(()),
        ("http", None) if is_loopback(host) => Ok(()),
        ("http", None) => Err(InvalidRepository::Plain),
        _ => Err(InvalidRepository::Unknown),
    }
}

/// Whether a host, with or without a port, is this machine by its name.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    matches!(host_of(host), "127.0.0.1" | "localhost" | "::1")
}

impl TryFrom<String> for Repository {
    type Error = InvalidRepository;

    fn try_from(text: String) -> Result<Self, InvalidRepository> {
        Self::new(text)
    }
}

impl From<Repository> for String {
    fn from(repository: Repository) -> Self {
        repository.0
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn takes_addresses_of_repositories() {
        for (text, reached, host, path) in [
            ("https://github.com/us/shop.git", Reached::Http, Some("github.com"), "/us/shop"),
            ("https://git.example.com:8443/us/shop", Reached::Http, Some("git.example.com:8443"), "/us/shop"),
            ("http://127.0.0.1:3000/us/shop.git", Reached::Http, Some("127.0.0.1:3000"), "/us/shop"),
            ("ssh://git@example.com:2222/us/shop.git", Reached::Ssh, Some("example.com"), "/us/shop"),
            ("git@example.com:us/shop.git", Reached::Ssh, Some("example.com"), "us/shop"),
            ("file:///srv/shop.git", Reached::Folder, None, "/srv/shop"),
            ("/srv/shop.git", Reached::Folder, None, "/srv/shop"),
        ] {
            let repository = Repository::new(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((repository.reached(), repository.host(), repository.path()), (reached, host, path), "{text}");
        }
    }

    #[test]
    fn refuses_options_programs_and_secrets() {
        use InvalidRepository::{Plain, Secret, Unknown};
        for (text, why) in [
            ("", Unknown),
            ("-uhttps://x/y", Unknown),
            ("shop", Unknown),
            ("ext::sh -c x", Unknown),
            ("a@ext::x", Unknown),
            ("ftp://example.com/x", Unknown),
            ("https://example.com", Unknown),
            ("ssh://-oProxyCommand=x/y", Unknown),
            ("-x@host:path", Unknown),
            ("a@-oProxyCommand=x:y", Unknown),
            ("https://me:token@example.com/x", Secret),
            ("https://token@example.com/x", Secret),
            ("ssh://me:word@example.com/x", Secret),
            ("http://example.com/x", Plain),
            ("https://exa mple.com/x", Unknown),
            ("file://x", Unknown),
        ] {
            assert_eq!(Repository::new(text), Err(why), "{text}");
        }
    }

    #[test]
    fn branches_are_gits() {
        for good in ["main", "release/1.2", "feature-x", "ä"] {
            assert!(is_branch(good), "{good}");
        }
        for bad in ["", "-x", "a..b", "a b", "a/", "/a", "a.lock", "@", "a@{1}", "a~1", "a\n", ".a", "x/-y", "a:b"] {
            assert!(!is_branch(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_nothing_begins_like_an_option(text: String) {
            if let Ok(repository) = Repository::new(text.clone()) {
                prop_assert!(!repository.as_str().starts_with('-'));
                let _ = (repository.origin(), repository.host(), repository.path(), repository.folder());
            }
            prop_assert!(!is_branch(&text) || !text.starts_with('-'));
        }
    }
}
