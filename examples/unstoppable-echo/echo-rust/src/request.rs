//! One request's head: what it asks for, or why it is refused.
//!
//! The request line is read here and not by a library, because the phrase is wanted exactly as it was sent:
//! most libraries refuse some of its bytes, cut it at `#` or tidy it up. `httparse` reads the fields.

use crate::phrase::TARGET_BYTES_MAX;

const FIELDS_MAX: usize = 100;

#[derive(Debug, PartialEq)]
pub struct Request {
    pub method: String,
    pub target: Vec<u8>,
    pub keep_alive: bool,
    /// A body follows the head. Nothing here reads bodies, so the connection ends with the answer.
    pub has_body: bool,
    pub traceparent: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Refusal {
    Malformed,
    TargetTooLong,
    HeadTooLarge,
}

impl Request {
    /// Reads a head that ends with its blank line.
    pub fn parse(head: &[u8]) -> Result<Self, Refusal> {
        let line_bytes = head.iter().position(|byte| *byte == b'\n').ok_or(Refusal::Malformed)?;
        let line = head[..line_bytes].strip_suffix(b"\r").ok_or(Refusal::Malformed)?;
        let (method, target, http_1_1) = request_line(line)?;
        let mut request = Self {
            method: String::from_utf8_lossy(method).into_owned(),
            target: target.to_vec(),
            keep_alive: http_1_1,
            has_body: false,
            traceparent: None,
        };
        let hosts = request.read_fields(&head[line_bytes + 1..])?;
        // RFC 9112, section 3.2: HTTP/1.1 wants exactly one Host.
        if hosts > 1 || (http_1_1 && hosts == 0) {
            return Err(Refusal::Malformed);
        }
        Ok(request)
    }

    /// Takes what matters from the fields and returns how many of them were `Host`.
    fn read_fields(&mut self, block: &[u8]) -> Result<usize, Refusal> {
        let mut fields = [httparse::EMPTY_HEADER; FIELDS_MAX];
        let fields = match httparse::parse_headers(block, &mut fields) {
            Ok(httparse::Status::Complete((_, fields))) => fields,
            Err(httparse::Error::TooManyHeaders) => return Err(Refusal::HeadTooLarge),
            Ok(httparse::Status::Partial) | Err(_) => return Err(Refusal::Malformed),
        };
        let mut hosts = 0;
        for field in fields {
            match field.name.to_ascii_lowercase().as_str() {
                "host" => hosts += 1,
                "connection" => self.keep_alive &= !has_token(field.value, "close"),
                "transfer-encoding" => self.has_body = true,
                "content-length" => self.has_body |= field.value != b"0",
                "traceparent" => self.traceparent = traceparent(field.value),
                _ => {}
            }
        }
        Ok(hosts)
    }
}

/// `METHOD SP TARGET SP HTTP/1.x`, where the target may hold any visible ASCII character (RFC 3986 allows fewer).
fn request_line(line: &[u8]) -> Result<(&[u8], &[u8], bool), Refusal> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Refusal::Malformed);
    };
    let http_1_1 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        _ => return Err(Refusal::Malformed),
    };
    if method.is_empty() || !method.iter().all(u8::is_ascii_alphabetic) {
        return Err(Refusal::Malformed);
    }
    if target.len() > TARGET_BYTES_MAX {
        return Err(Refusal::TargetTooLong);
    }
    if target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(Refusal::Malformed);
    }
    Ok((method, target, http_1_1))
}

fn has_token(value: &[u8], token: &str) -> bool {
    value.split(|byte| *byte == b',').any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

/// A W3C trace context that is well formed; anything else has no place in a log.
fn traceparent(value: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(value).ok()?;
    let shape = text.len() == 55
        && text.bytes().enumerate().all(|(index, byte)| match index {
            2 | 35 | 52 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
    shape.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(head: &str) -> Result<Request, Refusal> {
        Request::parse(head.as_bytes())
    }

    #[test]
    fn the_target_is_kept_as_sent() {
        let request = parse("GET //<a>/../%zz#b?c HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        assert_eq!((request.method.as_str(), request.target.as_slice()), ("GET", b"//<a>/../%zz#b?c".as_slice()));
        assert!(request.keep_alive && !request.has_body);
    }

    #[test]
    fn the_connection_ends_when_the_client_or_its_version_says_so() {
        assert!(!parse("GET / HTTP/1.1\r\nHost: x\r\nConnection: x, Close\r\n\r\n").unwrap().keep_alive);
        assert!(!parse("GET / HTTP/1.0\r\n\r\n").unwrap().keep_alive);
        assert!(parse("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n").unwrap().has_body);
    }

    #[test]
    fn only_a_well_formed_traceparent_is_kept() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let with = |value: &str| parse(&format!("GET / HTTP/1.1\r\nHost: x\r\ntraceparent: {value}\r\n\r\n"));
        assert_eq!(with(good).unwrap().traceparent.as_deref(), Some(good));
        assert_eq!(with("00-zz").unwrap().traceparent, None);
    }

    #[test]
    fn what_is_not_http_is_refused() {
        let heads = [
            "GET /\r\nHost: x\r\n\r\n",
            "GET / HTTP/2.0\r\nHost: x\r\n\r\n",
            "GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\nHost: x\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
            "GET /a\tb HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n",
        ];
        for head in heads {
            assert_eq!(parse(head), Err(Refusal::Malformed), "{head:?}");
        }
    }

    #[test]
    fn the_target_has_a_limit() {
        let with = |bytes: usize| parse(&format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(bytes - 1)));
        assert!(with(TARGET_BYTES_MAX).is_ok());
        assert_eq!(with(TARGET_BYTES_MAX + 1), Err(Refusal::TargetTooLong));
    }
}
