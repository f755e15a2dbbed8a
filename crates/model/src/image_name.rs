//! Names of images: `registry/name`, with a tag, a digest, or both.

use crate::Digest;
use std::fmt;

/// The longest name that is looked at, in bytes.
const NAME_BYTES_MAX: usize = 512;

/// A text that names no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not the name of an image: {why}")]
pub struct ImageNameError {
    /// The text, cut off where it is long.
    pub name: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// The name of an image in a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ImageName {
    /// Host and, if it is not the usual one, port.
    pub registry: String,
    /// The repository's name there.
    pub repository: String,
    /// The tag; `latest` if neither tag nor digest is given.
    pub tag: Option<String>,
    /// What the image must be.
    pub digest: Option<Digest>,
}

impl ImageName {
    /// Reads a name such as `docker.io/library/debian:12` or `registry.example.com:5000/team/web@sha256:…`.
    ///
    /// # Errors
    /// [`ImageNameError`], with the reason.
    pub fn parse(text: &str) -> Result<Self, ImageNameError> {
        let wrong = |why: &'static str| ImageNameError { name: text.chars().take(80).collect(), why };
        if text.len() > NAME_BYTES_MAX {
            return Err(wrong("it is too long"));
        }
        let (rest, digest) = match text.split_once('@') {
            None => (text, None),
            Some((rest, digest)) => {
                let digest = Digest::try_from(digest.to_owned());
                (rest, Some(digest.map_err(|_| wrong("after the `@` comes `sha256:` and 64 hexadecimal digits"))?))
            }
        };
        let (registry, path) = rest.split_once('/').ok_or_else(|| wrong("it names no registry"))?;
        if !(registry.contains(['.', ':']) || registry == "localhost") {
            return Err(wrong("it names no registry"));
        }
        if !is_host(registry) {
            return Err(wrong("the registry is no host with or without a port"));
        }
        let (repository, tag) = match path.rsplit_once(':') {
            Some((repository, tag)) => (repository, Some(tag.to_owned())),
            None => (path, None),
        };
        if !repository.split('/').all(is_part) {
            return Err(wrong("a repository is of lower-case letters, digits, and `.`, `_`, `-` and `/` between them"));
        }
        if tag.as_ref().is_some_and(|tag| !is_tag(tag)) {
            return Err(wrong("a tag is of letters, digits, `.`, `_` and `-`, at most 128"));
        }
        let tag = tag.or_else(|| digest.is_none().then(|| "latest".to_owned()));
        Ok(Self { registry: registry.to_owned(), repository: repository.to_owned(), tag, digest })
    }

    /// Whether the registry is on this machine: then, and only then, it is spoken to without TLS.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.registry)
    }

    /// Where the registry's API is: `https://…`, or `http://…` on this machine's loopback.
    #[must_use]
    pub fn api(&self) -> String {
        let host = match self.registry.as_str() {
            // The only registry whose API is not where its name says.
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            other => other,
        };
        let scheme = if self.is_loopback() { "http" } else { "https" };
        format!("{scheme}://{host}")
    }
}

impl fmt::Display for ImageName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        match &self.digest {
            Some(digest) => write!(f, "@{digest}"),
            None => Ok(()),
        }
    }
}

/// Whether a host, with or without a port, is this machine's loopback.
#[must_use]
pub fn is_loopback(authority: &str) -> bool {
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or(rest, |(host, _)| host),
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host_fits = match bare {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            !label.is_empty() && !label.starts_with('-') && label.bytes().all(inner)
        }),
    };
    host_fits && port.is_none_or(|port| port.parse::<u16>().is_ok() && !port.starts_with('+'))
}

fn is_part(part: &str) -> bool {
    let alphanumeric = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = part.as_bytes();
    bytes.first().is_some_and(alphanumeric)
        && bytes.last().is_some_and(alphanumeric)
        && bytes.iter().all(|byte| alphanumeric(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

fn is_tag(tag: &str) -> bool {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    tag.len() <= 128
        && tag.bytes().next().is_some_and(word)
        && tag.bytes().all(|byte| word(byte) || matches!(byte, b'.' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_has_a_registry_a_repository_and_a_tag_or_a_digest() {
        let digest = Digest::of(b"x");
        let name = ImageName::parse(&format!("r.example.com:5000/team/web:1@{digest}")).unwrap();
        assert_eq!((name.registry.as_str(), name.repository.as_str()), ("r.example.com:5000", "team/web"));
        assert_eq!((name.tag.as_deref(), name.digest.as_ref()), (Some("1"), Some(&digest)));
        assert_eq!(name.api(), "https://r.example.com:5000");
        assert_eq!(ImageName::parse("localhost/a").unwrap().tag.as_deref(), Some("latest"));
        assert_eq!(ImageName::parse(&format!("ghcr.io/a@{digest}")).unwrap().tag, None);
        assert_eq!(ImageName::parse("docker.io/library/debian:12").unwrap().api(), "https://registry-1.docker.io");
        for local in ["localhost:1/a", "127.0.0.1:5000/a", "[::1]:5000/a", "127.9.9.9/a"] {
            assert!(ImageName::parse(local).unwrap().api().starts_with("http://"), "{local}");
        }
        for remote in ["localhost.example.com/a", "127.0.0.1.nip.io/a", "10.0.0.1:5000/a"] {
            assert!(ImageName::parse(remote).unwrap().api().starts_with("https://"), "{remote}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in [
            "",
            "debian",
            "library/debian",
            "a.b/",
            "a.b/A",
            "a.b/x:",
            "a.b/x@sha256:1",
            "a.b/../x",
            "a.b:x/y",
            "-a.b/x",
            "user@a.b/x",
            "a.b/x y",
            "a..b/x",
            "a.b:99999/x",
        ] {
            assert!(ImageName::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was(text in "[a-z0-9.:]{1,12}/[a-z0-9._/:-]{1,20}") {
            if let Ok(name) = ImageName::parse(&text) {
                prop_assert_eq!(ImageName::parse(&name.to_string()).unwrap(), name);
            }
        }
    }
}
