//! Heads of responses.

use super::connection::ConnectionOptions;
use super::error::HeadError;
use super::fields::{Fields, Span};
use super::framing::{Framing, FramingFields};
use super::known::Known;
use super::method::Method;
use super::request::Version;
use super::scan::HeadScan;
use crate::limits::{FIELDS_CAPACITY, Limits};
use httparse::Header;
use std::mem::MaybeUninit;

/// A response without its body. Filling it again allocates nothing.
#[derive(Debug, Clone)]
pub struct ResponseHead {
    fields: Fields,
    reason: Span,
    /// The status, 100 to 599.
    pub status: u16,
    /// The version.
    pub version: Version,
    /// How the body is delimited.
    pub framing: Framing,
    /// What `Connection` says.
    pub connection: ConnectionOptions,
    /// A body is announced although there cannot be one. Some programs send it all the same: such a connection carries
    /// no other request.
    pub announces_impossible_body: bool,
}

impl Default for ResponseHead {
    fn default() -> Self {
        Self {
            fields: Fields::default(),
            reason: Span::default(),
            status: 0,
            version: Version::Http11,
            framing: Framing::None,
            connection: ConnectionOptions::default(),
            announces_impossible_body: false,
        }
    }
}

impl ResponseHead {
    /// The reason phrase; may be empty.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        self.reason.of(self.fields.bytes())
    }

    /// The header fields.
    #[must_use]
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Whether a final answer follows this one (RFC 9110 section 15.2).
    #[must_use]
    pub fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }

    /// Gives memory back that an unusually large head took.
    pub(crate) fn shrink(&mut self) {
        self.fields.shrink();
    }

    fn read(&mut self, head: &[u8], limits: &Limits, method: Method) -> Result<(), HeadError> {
        self.fields.reset(head);
        let mut headers = [const { MaybeUninit::<Header<'_>>::uninit() }; FIELDS_CAPACITY];
        let mut parsed = httparse::Response::new(&mut []);
        let config = httparse::ParserConfig::default();
        let room = &mut headers[..limits.fields_max.min(FIELDS_CAPACITY)];
        match config.parse_response_with_uninit_headers(&mut parsed, head, room) {
            Ok(httparse::Status::Complete(length)) if length == head.len() => {}
            Ok(_) => return Err(HeadError::StartLine),
            Err(httparse::Error::TooManyHeaders) => return Err(HeadError::FieldsTooLarge),
            Err(httparse::Error::HeaderName | httparse::Error::HeaderValue) => return Err(HeadError::Field),
            Err(httparse::Error::Version) => return Err(HeadError::Version),
            Err(_) => return Err(HeadError::StartLine),
        }
        self.status = parsed.code.filter(|code| (100..600).contains(code)).ok_or(HeadError::StartLine)?;
        self.reason = match parsed.reason {
            Some(reason) if !reason.is_empty() => Span::within(head, reason.as_bytes()),
            _ => Span::default(),
        };
        self.version = if parsed.version == Some(0) { Version::Http10 } else { Version::Http11 };
        self.connection = ConnectionOptions::default();
        self.read_fields(head, parsed.headers, method)
    }

    fn read_fields(&mut self, head: &[u8], headers: &[Header<'_>], method: Method) -> Result<(), HeadError> {
        let mut framing = FramingFields::default();
        for header in headers {
            let value = Span::within(head, header.value);
            let field = self.fields.add(Span::within(head, header.name.as_bytes()), value);
            match field.known {
                Known::ContentLength => framing.add_length(field.value)?,
                Known::TransferEncoding => framing.add_coding(field.value)?,
                Known::Connection => self.connection.add(field.value)?,
                Known::Disguised if field.known.disguises_framing(field.name) => return Err(HeadError::Length),
                _ => {}
            }
        }
        let statusless = self.status < 200 || self.status == 204;
        self.framing = framing
            .of_response(self.version == Version::Http10, statusless || self.status == 304 || method == Method::Head)?;
        self.announces_impossible_body = statusless && framing.announce_body();
        Ok(())
    }
}

/// Finds and reads the heads of one connection's responses.
#[derive(Debug, Clone, Default)]
pub struct ResponseDecoder {
    scan: HeadScan,
}

impl ResponseDecoder {
    /// As [`super::RequestDecoder::decode`]; `method` is that of the request, which says whether a body can follow.
    ///
    /// # Errors
    /// When the head is refused. The connection must then end.
    pub fn decode(
        &mut self,
        input: &[u8],
        limits: &Limits,
        method: Method,
        head: &mut ResponseHead,
    ) -> Result<Option<usize>, HeadError> {
        if self.scan.is_blank() && input.first().is_some_and(|byte| *byte != b'H') {
            return Err(HeadError::StartLine);
        }
        let Some(range) = self.scan.advance(input, limits.head_bytes_max, false)? else { return Ok(None) };
        self.scan = HeadScan::default();
        head.read(&input[range.clone()], limits, method)?;
        Ok(Some(range.end))
    }
}
