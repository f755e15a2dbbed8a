//! Request targets and hosts (RFC 9112 section 3.2).

use super::error::HeadError;
use super::method::Method;
use std::ops::Range;

/// The parts of a target, as ranges of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// `host[:port]` of an absolute target.
    pub(crate) authority: Option<Range<usize>>,
    /// Path and query; empty where an absolute target has none.
    pub(crate) path_and_query: Range<usize>,
}

/// Reads a target in origin form, absolute form (`http` alone) or, for OPTIONS, asterisk form.
pub(crate) fn parse(method: Method, target: &[u8]) -> Result<Target, HeadError> {
    let visible = |byte: &u8| matches!(byte, 0x21..=0x7e) && *byte != b'#';
    if !target.iter().all(visible) {
        return Err(HeadError::Target);
    }
    match target {
        [b'/', ..] => Ok(Target { authority: None, path_and_query: 0..target.len() }),
        b"*" if method == Method::Options => Ok(Target { authority: None, path_and_query: 0..1 }),
        _ => absolute(target),
    }
}

fn absolute(target: &[u8]) -> Result<Target, HeadError> {
    const SCHEME: &[u8] = b"http://";
    let (scheme, rest) = target.split_at_checked(SCHEME.len()).ok_or(HeadError::Target)?;
    if !scheme.eq_ignore_ascii_case(SCHEME) {
        return Err(HeadError::Target);
    }
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    if rest.get(end) == Some(&b'?') {
        // `http://host?query` has an empty path: programs differ in what they make of it.
        return Err(HeadError::Target);
    }
    host_length(&rest[..end]).ok_or(HeadError::Target)?;
    let authority_end = SCHEME.len() + end;
    Ok(Target { authority: Some(SCHEME.len()..authority_end), path_and_query: authority_end..target.len() })
}

/// How many bytes of `host[:port]` are the host; `None` if it is no such thing. Host names are letters, digits, `-`,
/// `.` and `_`; addresses may be IPv6 in brackets (RFC 3986 section 3.2.2 allows more, which no name in use has).
pub(crate) fn host_length(authority: &[u8]) -> Option<usize> {
    let host = match authority {
        [b'[', ..] => {
            let end = authority.iter().position(|byte| *byte == b']')?;
            let address = std::str::from_utf8(&authority[1..end]).ok()?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            end + 1
        }
        _ => authority.iter().position(|byte| *byte == b':').unwrap_or(authority.len()),
    };
    let name_is_valid = authority.first() == Some(&b'[')
        || authority[..host].iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let port_is_valid = match &authority[host..] {
        [] => true,
        [b':', port @ ..] => {
            port.len() <= 5 && std::str::from_utf8(port).is_ok_and(|port| port.is_empty() || is_port(port))
        }
        _ => false,
    };
    (host > 0 && name_is_valid && port_is_valid).then_some(host)
}

fn is_port(port: &str) -> bool {
    port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for (authority, length) in
            [("a", 1), ("a.b:80", 3), ("a:", 1), ("[::1]:8080", 5), ("127.0.0.1:1", 9), ("a_b.", 4)]
        {
            assert_eq!(host_length(authority.as_bytes()), Some(length), "{authority}");
        }
        for authority in
            ["", ":80", "a:b", "a:99999", "a:+1", "u@a", "a b", "a,b", "[::1", "[::1]x", "[x]", "a/b", "a:1:2", "ä"]
        {
            assert_eq!(host_length(authority.as_bytes()), None, "{authority}");
        }
    }

    #[test]
    fn forms() {
        assert!(parse(Method::Get, b"/a?b=http://c").is_ok());
        assert_eq!(parse(Method::Get, b"http://a.b/c").map(|t| t.authority), Ok(Some(7..10)));
        assert!(parse(Method::Options, b"*").is_ok());
        for target in
            ["*", "a", "a:80", "http://", "http:///a", "https://a/", "http://u@a/", "/a#b", "/\u{e4}", "http://a?b", ""]
        {
            assert_eq!(parse(Method::Get, target.as_bytes()), Err(HeadError::Target), "{target}");
        }
    }
}
