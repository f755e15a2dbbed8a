//! `CONNECT host:port` (RFC 9110 section 9.3.6), and nothing else of HTTP.

use super::destination::Destination;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// What a client said, and what it has sent behind it.
#[derive(Debug)]
pub(super) enum Asked {
    /// It wants to go there.
    To(Destination, Vec<u8>),
    /// It wants something else; the status that says so.
    Refused(u16),
}

/// Reads a head of at most `bytes_max` bytes.
pub(super) async fn read(stream: &mut (impl AsyncRead + Unpin), bytes_max: usize) -> io::Result<Asked> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = memchr::memmem::find(&bytes, b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Ok(parse(&bytes).map_or_else(Asked::Refused, |to| Asked::To(to, rest)));
        }
        if bytes.len() >= bytes_max {
            return Ok(Asked::Refused(431));
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The destination of a whole head; its fields are of no interest.
fn parse(head: &[u8]) -> Result<Destination, u16> {
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| 400_u16)?.trim_end_matches('\r');
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some("CONNECT"), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) => Destination::parse(target).ok_or(400),
        (Some(_), Some(_), Some("HTTP/1.1" | "HTTP/1.0"), None) => Err(405),
        _ => Err(400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_comes_behind_the_head_is_kept() {
        let mut stream = &b"CONNECT a.example:443 HTTP/1.1\r\nHost: b\r\n\r\nhello"[..];
        let Asked::To(to, rest) = read(&mut stream, 100).await.unwrap() else { panic!("refused") };
        assert_eq!((to.to_string().as_str(), rest.as_slice()), ("a.example:443", &b"hello"[..]));
    }

    #[tokio::test]
    async fn everything_else_is_refused() {
        for (head, status) in [
            ("GET http://a/ HTTP/1.1\r\n\r\n", 405),
            ("CONNECT a HTTP/1.1\r\n\r\n", 400),
            ("CONNECT a:443\r\n\r\n", 400),
            ("CONNECT  a:443 HTTP/1.1\r\n\r\n", 400),
            ("CONNECT u@a:443 HTTP/1.1\r\n\r\n", 400),
        ] {
            let asked = read(&mut head.as_bytes(), 100).await.unwrap();
            assert!(matches!(asked, Asked::Refused(refused) if refused == status), "{head:?}: {asked:?}");
        }
        let long = format!("CONNECT {}:1 HTTP/1.1", "a".repeat(200));
        assert!(matches!(read(&mut long.as_bytes(), 100).await.unwrap(), Asked::Refused(431)));
        assert!(read(&mut &b"CONNECT a:1"[..], 100).await.is_err());
    }
}
