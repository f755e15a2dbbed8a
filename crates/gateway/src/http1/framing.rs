//! Where a message's body ends (RFC 9112 section 6.3), read in one way or refused.

use super::error::HeadError;
use super::scan::{is_token, trim};

/// How a body is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// Chunks (RFC 9112 section 7.1).
    Chunked,
    /// Up to the end of the connection; responses only.
    UntilClose,
}

/// The fields that decide, as they come.
#[derive(Debug, Default)]
pub(crate) struct FramingFields {
    length: Option<u64>,
    chunked: bool,
}

impl FramingFields {
    /// A `Content-Length`: decimal digits and nothing else, once.
    pub(crate) fn add_length(&mut self, value: &[u8]) -> Result<(), HeadError> {
        if self.length.is_some() || self.chunked || value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Err(HeadError::Length);
        }
        let length = value.iter().try_fold(0_u64, |sum, digit| {
            sum.checked_mul(10)?.checked_add(u64::from(digit - b'0')).filter(|sum| *sum <= i64::MAX.unsigned_abs())
        });
        self.length = Some(length.ok_or(HeadError::Length)?);
        Ok(())
    }

    /// A `Transfer-Encoding`: `chunked` and nothing else, once. Other codings that end in `chunked` are not
    /// implemented; what does not end in it cannot be delimited (RFC 9112 section 6.3, item 4).
    pub(crate) fn add_coding(&mut self, value: &[u8]) -> Result<(), HeadError> {
        if self.length.is_some() || self.chunked {
            return Err(HeadError::Length);
        }
        let mut codings = value.rsplit(|byte| *byte == b',').map(trim);
        if !codings.next().is_some_and(is_chunked) {
            return Err(HeadError::Length);
        }
        self.chunked = true;
        match codings.next() {
            None => Ok(()),
            Some(coding) if is_chunked(coding) || !is_token_only(coding) => Err(HeadError::Length),
            Some(_) => Err(HeadError::Coding),
        }
    }

    /// The framing of a request.
    pub(crate) fn of_request(&self, http_1_0: bool) -> Result<Framing, HeadError> {
        match (self.chunked, self.length) {
            (true, _) if http_1_0 => Err(HeadError::Length),
            (true, _) => Ok(Framing::Chunked),
            (false, Some(length)) => Ok(Framing::Length(length)),
            (false, None) => Ok(Framing::None),
        }
    }

    /// The framing of a response; `bodiless` where the request or the status says that there is no body.
    pub(crate) fn of_response(&self, http_1_0: bool, bodiless: bool) -> Result<Framing, HeadError> {
        match (self.chunked, self.length) {
            (true, _) if http_1_0 => Err(HeadError::Length),
            _ if bodiless => Ok(Framing::None),
            (true, _) => Ok(Framing::Chunked),
            (false, Some(length)) => Ok(Framing::Length(length)),
            (false, None) => Ok(Framing::UntilClose),
        }
    }

    /// Whether a body is announced.
    pub(crate) fn announce_body(&self) -> bool {
        self.chunked || self.length.is_some_and(|length| length > 0)
    }
}

fn is_token_only(coding: &[u8]) -> bool {
    !coding.is_empty() && coding.iter().all(|byte| is_token(*byte))
}

fn is_chunked(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"chunked")
}
