//! What comes in on standard input.

use seaworthy_checks::wire::{Connect, FILES_MAX, REQUEST_BYTES_MAX, Request, VERSION};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::io::Read;
use std::net::SocketAddr;

/// Reads and checks the one request of this process.
pub(crate) fn read(input: impl Read) -> Result<Request, String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(REQUEST_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    input.take(limit).read_to_end(&mut bytes).map_err(|error| format!("cannot read the request: {error}"))?;
    if bytes.len() > REQUEST_BYTES_MAX {
        return Err(format!("the request is larger than {REQUEST_BYTES_MAX} bytes"));
    }
    parse(&bytes)
}

fn parse(bytes: &[u8]) -> Result<Request, String> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let malformed = |error: serde_json::Error| format!("the request is not understood: {error}");
    // The version comes first: a newer protocol may have fields that are unknown here.
    let Versioned { version } = serde_json::from_slice(bytes).map_err(malformed)?;
    if version != VERSION {
        return Err(format!("the request has version {version}, this helper speaks version {VERSION} alone"));
    }
    let request: Request = serde_json::from_slice(bytes).map_err(malformed)?;
    check(&request)?;
    Ok(request)
}

fn check(request: &Request) -> Result<(), String> {
    if request.files.len() > FILES_MAX {
        return Err(format!("{} files in one request, {FILES_MAX} at most", request.files.len()));
    }
    if request.timeout_ms == 0 || request.total_timeout_ms == 0 {
        return Err("a time limit of 0".to_owned());
    }
    let mut names = BTreeSet::new();
    for file in &request.files {
        if !names.insert(&file.name) {
            return Err(format!("two files have the name `{}`", file.name));
        }
        match &file.connect {
            Some(Connect::Tcp(address)) if address.parse::<SocketAddr>().is_err() => {
                return Err(format!("`{address}` is no IP address and port"));
            }
            Some(Connect::Unix(path)) if !path.starts_with('/') => {
                return Err(format!("the socket's path `{path}` is not absolute"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn accepts_the_documented_form() {
        let text = r#"{"version":1,"operation":"run","files":[{"name":"a","text":"GET http://a","variables":{"b":"c"},
            "connect":{"tcp":"[::1]:80"}}],"timeout_ms":5,"total_timeout_ms":6}"#;
        let request = parse(text.as_bytes()).unwrap();
        assert_eq!((request.timeout_ms, request.total_timeout_ms), (5, 6));
        assert_eq!(request.files[0].connect, Some(Connect::Tcp("[::1]:80".into())));
    }

    #[test]
    fn refuses_what_it_could_misread() {
        let newer = r#"{"version":2,"operation":"dance","partner":true}"#;
        assert_eq!(refusal(newer), "the request has version 2, this helper speaks version 1 alone");
        assert!(refusal(r#"{"version":1,"operation":"dance","files":[]}"#).contains("dance"));
        assert!(refusal(r#"{"version":1,"operation":"run","files":[],"timeout":1}"#).contains("timeout"));
        let file =
            |rest: &str| format!(r#"{{"version":1,"operation":"run","files":[{{"name":"a","text":""{rest}}}]}}"#);
        assert_eq!(refusal(&file(r#"},{"name":"a","text":"""#)), "two files have the name `a`");
        let host = refusal(&file(r#","connect":{"tcp":"example.com:80"}"#));
        assert_eq!(host, "`example.com:80` is no IP address and port");
        assert!(refusal(&file(r#","connect":{"unix":"a.sock"}"#)).contains("not absolute"));
    }

    #[test]
    fn refuses_more_than_the_limit() {
        let endless = std::io::repeat(b' ');
        assert_eq!(read(endless).unwrap_err(), "the request is larger than 16777216 bytes");
    }
}
