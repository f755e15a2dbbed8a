//! Destinations, and whether they were declared.

use seaworthy_model::service::Egress;
use std::fmt;

/// The longest host name (RFC 1035 section 2.3.4).
const HOST_BYTES_MAX: usize = 255;

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// A name in lower case and without a last dot, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Destination {
    /// Reads `host:port`; an IPv6 address stands in brackets.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        let port =
            port.bytes().all(|byte| byte.is_ascii_digit()).then(|| port.parse().ok())?.filter(|port| *port > 0)?;
        let six = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let host = match six {
            Some(six) => six.parse::<std::net::Ipv6Addr>().ok()?.to_string(),
            None => host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase(),
        };
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let fine = !host.is_empty() && host.len() <= HOST_BYTES_MAX && (six.is_some() || host.bytes().all(is_name));
        fine.then_some(Self { host, port })
    }

    /// Whether a declared destination, which may begin with `*.`, means this one. The star stands for one label or
    /// more, never for none.
    #[must_use]
    pub fn is_meant_by(&self, declared: &str) -> bool {
        if let Some(rest) = declared.strip_prefix("*.") {
            let Some(parent) = Self::parse(rest) else { return false };
            let below = self.host.strip_suffix(&parent.host).and_then(|below| below.strip_suffix('.'));
            return parent.port == self.port && below.is_some_and(|below| !below.is_empty());
        }
        Self::parse(declared).as_ref() == Some(self)
    }

    /// The declared destination that means this one; one by its name goes before one with a star.
    #[must_use]
    pub fn declared<'a>(&self, all: &'a [Egress]) -> Option<&'a Egress> {
        let exact = all.iter().find(|egress| !egress.to.starts_with("*.") && self.is_meant_by(&egress.to));
        exact.or_else(|| all.iter().find(|egress| self.is_meant_by(&egress.to)))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn means(declared: &str, wanted: &str) -> bool {
        Destination::parse(wanted).unwrap().is_meant_by(declared)
    }

    #[test]
    fn a_star_stands_for_labels_and_for_nothing_else() {
        assert!(means("*.example.com:443", "a.example.com:443"));
        assert!(means("*.example.com:443", "A.b.Example.com.:443"));
        for wanted in
            ["example.com:443", "aexample.com:443", ".example.com:443", "a.example.com:80", "a.example.com.evil:443"]
        {
            assert!(!means("*.example.com:443", wanted), "{wanted}");
        }
        assert!(means("db.example.com:5432", "DB.example.com:5432"));
        assert!(!means("db.example.com:5432", "db.example.com:5433"));
        assert!(means("[::1]:80", "[0:0::1]:80"));
    }

    #[test]
    fn what_is_no_destination_is_none() {
        for text in [
            "", ":80", "a", "a:", "a:0", "a:+80", "a:70000", "a b:80", "a/b:80", "[::1:80", "::1:80", "a@b:80",
            "[x]:80",
        ] {
            assert_eq!(Destination::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_fails_badly_and_what_is_read_is_read_again(text in "\\PC{0,40}|[a-z.*:\\[\\]0-9]{0,40}") {
            if let Some(destination) = Destination::parse(&text) {
                prop_assert_eq!(Destination::parse(&destination.to_string()), Some(destination));
            }
        }
    }
}
