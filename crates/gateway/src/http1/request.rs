//! Heads of requests.

use super::connection::ConnectionOptions;
use super::error::HeadError;
use super::fields::{Fields, Span};
use super::framing::{Framing, FramingFields};
use super::known::Known;
use super::method::{METHOD_BYTES_MAX, Method};
use super::scan::{HeadScan, trim};
use super::target;
use crate::limits::{FIELDS_CAPACITY, Limits};
use httparse::Header;
use std::mem::MaybeUninit;

/// The version that a message names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: no chunks, no interim answers, the connection ends after the answer.
    Http10,
    /// HTTP/1.1.
    #[default]
    Http11,
}

/// A request without its body. One value serves all requests of a connection: filling it again allocates nothing.
#[derive(Debug, Clone)]
pub struct RequestHead {
    fields: Fields,
    method_span: Span,
    target: Span,
    authority: Span,
    host: Span,
    /// The method.
    pub method: Method,
    /// The version.
    pub version: Version,
    /// How the body is delimited.
    pub framing: Framing,
    /// What `Connection` says.
    pub connection: ConnectionOptions,
    /// The client waits for an interim answer before it sends the body (RFC 9110 section 10.1.1).
    pub expects_continue: bool,
}

impl Default for RequestHead {
    fn default() -> Self {
        Self {
            fields: Fields::default(),
            method_span: Span::default(),
            target: Span::default(),
            authority: Span::default(),
            host: Span::default(),
            method: Method::Other,
            version: Version::Http11,
            framing: Framing::None,
            connection: ConnectionOptions::default(),
            expects_continue: false,
        }
    }
}

impl RequestHead {
    /// The method's bytes.
    #[must_use]
    pub fn method_bytes(&self) -> &[u8] {
        self.method_span.of(self.fields.bytes())
    }

    /// Path and query in origin form, or `*`. Visible ASCII; starts with `/` unless it is `*`.
    #[must_use]
    pub fn target(&self) -> &str {
        self.text(self.target)
    }

    /// The target up to its query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target().split_once('?').map_or(self.target(), |(path, _)| path)
    }

    /// The host and port as they were sent; empty where HTTP/1.0 sent none.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.text(self.authority)
    }

    /// The host in lower case, without port and without a last dot.
    #[must_use]
    pub fn host(&self) -> &str {
        self.text(self.host)
    }

    /// The header fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// The value of a cookie (RFC 6265 section 5.4).
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&[u8]> {
        let pairs = self.fields.values(Known::Cookie).flat_map(|value| value.split(|byte| *byte == b';'));
        pairs.map(trim).find_map(|pair| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
    }

    /// Gives memory back that an unusually large head took.
    pub(crate) fn shrink(&mut self) {
        self.fields.shrink();
    }

    fn text(&self, span: Span) -> &str {
        // All such spans were checked to be ASCII.
        std::str::from_utf8(span.of(self.fields.bytes())).unwrap_or_default()
    }

    /// Reads `head`, which [`HeadScan`] has found to be lines that end in CR LF, the last one empty.
    fn read(&mut self, head: &[u8], limits: &Limits) -> Result<(), HeadError> {
        let Self { fields, .. } = self;
        fields.reset(head);
        let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; FIELDS_CAPACITY];
        let mut parsed = httparse::Request::new(&mut []);
        match parsed.parse_with_uninit_headers(head, &mut headers[..limits.fields_max.min(FIELDS_CAPACITY)]) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            Ok(_) => return Err(HeadError::StartLine),
            Err(error) => return Err(refusal(error, head)),
        }
        let (Some(method), Some(path)) = (parsed.method, parsed.path) else { return Err(HeadError::StartLine) };
        self.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
        self.method_span = Span::within(head, method.as_bytes());
        self.method = Method::of(method.as_bytes());
        if method.len() > METHOD_BYTES_MAX || self.method == Method::Connect {
            return Err(HeadError::Method);
        }
        if path.len() > limits.target_bytes_max {
            return Err(HeadError::TargetTooLong);
        }
        let target = target::parse(self.method, path.as_bytes())?;
        self.read_fields(head, parsed.headers)?;
        self.read_authority(head, path, &target)
    }

    fn read_fields(&mut self, head: &[u8], headers: &[Header<'_>]) -> Result<(), HeadError> {
        self.connection = ConnectionOptions::default();
        self.expects_continue = false;
        self.authority = Span::default();
        let mut framing = FramingFields::default();
        let mut hosts = 0;
        for header in headers {
            let value = Span::within(head, header.value);
            let field = self.fields.add(Span::within(head, header.name.as_bytes()), value);
            match field.known {
                Known::ContentLength => framing.add_length(field.value)?,
                Known::TransferEncoding => framing.add_coding(field.value)?,
                Known::Connection => self.connection.add(field.value)?,
                Known::Expect => self.expects_continue = expects_continue(field.value)?,
                Known::Disguised if field.known.disguises_framing(field.name) => return Err(HeadError::Length),
                Known::Host => {
                    hosts += 1;
                    self.authority = value;
                }
                _ => {}
            }
        }
        if hosts > 1 || (hosts == 0 && self.version == Version::Http11) {
            return Err(HeadError::Host);
        }
        self.framing = framing.of_request(self.version == Version::Http10)?;
        Ok(())
    }

    /// Settles the host: the field's; an absolute target must say the same (RFC 9112 section 3.2.2 prefers the
    /// target's, but the next program may not).
    fn read_authority(&mut self, head: &[u8], path: &str, target: &target::Target) -> Result<(), HeadError> {
        let field = self.authority.of(self.fields.bytes());
        if let Some(authority) = target.authority.clone() {
            let authority = &path.as_bytes()[authority];
            if !field.is_empty() && !field.eq_ignore_ascii_case(authority) {
                return Err(HeadError::Host);
            }
            self.authority = Span::within(head, authority);
        } else if field.is_empty() && self.version == Version::Http11 {
            return Err(HeadError::Host);
        }
        self.target = Span::within(head, &path.as_bytes()[target.path_and_query.clone()]);
        if target.path_and_query.is_empty() {
            let whole = if self.method == Method::Options { b"*" } else { b"/" };
            self.target = self.fields.append(whole.iter().copied());
        }
        self.read_host(head)
    }

    fn read_host(&mut self, head: &[u8]) -> Result<(), HeadError> {
        let authority = self.authority.of(head);
        if authority.is_empty() {
            self.host = self.authority;
            return Ok(());
        }
        let length = target::host_length(authority).ok_or(HeadError::Host)?;
        let name = authority[..length].strip_suffix(b".").unwrap_or(&authority[..length]);
        self.host = if name.iter().any(u8::is_ascii_uppercase) {
            self.fields.append(name.iter().map(u8::to_ascii_lowercase))
        } else {
            Span::within(head, name)
        };
        if name.is_empty() { Err(HeadError::Host) } else { Ok(()) }
    }
}

fn expects_continue(value: &[u8]) -> Result<bool, HeadError> {
    if value.eq_ignore_ascii_case(b"100-continue") { Ok(true) } else { Err(HeadError::Expectation) }
}

fn refusal(error: httparse::Error, head: &[u8]) -> HeadError {
    match error {
        httparse::Error::TooManyHeaders => HeadError::FieldsTooLarge,
        httparse::Error::HeaderName | httparse::Error::HeaderValue => HeadError::Field,
        httparse::Error::Version if names_other_version(head) => HeadError::Version,
        _ => HeadError::StartLine,
    }
}

/// Whether the first line ends in a well-formed version that is not ours (RFC 9112 section 2.3).
fn names_other_version(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(_), Some(_), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let numbers = version.strip_prefix(b"HTTP/").unwrap_or_default();
    matches!(numbers, [major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit())
}

/// Finds and reads the heads of one connection's requests.
#[derive(Debug, Clone, Default)]
pub struct RequestDecoder {
    scan: HeadScan,
}

impl RequestDecoder {
    /// Looks for a head at the beginning of `input`, which starts with what was there at the last call. `Some` is the
    /// number of bytes that are to be taken away, after which `head` is filled; `None`: more bytes are needed.
    ///
    /// # Errors
    /// When the head is refused. The connection must then end: where the next request starts is not known.
    pub fn decode(
        &mut self,
        input: &[u8],
        limits: &Limits,
        head: &mut RequestHead,
    ) -> Result<Option<usize>, HeadError> {
        if self.scan.is_blank() && input.first().is_some_and(|byte| *byte != b'\r' && !super::scan::is_token(*byte)) {
            return Err(HeadError::StartLine);
        }
        let Some(range) = self.scan.advance(input, limits.head_bytes_max, true)? else { return Ok(None) };
        self.scan = HeadScan::default();
        head.read(&input[range.clone()], limits)?;
        Ok(Some(range.end))
    }

    /// Whether a head has begun.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        !self.scan.is_blank()
    }
}
