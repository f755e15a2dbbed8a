//! Where a head ends, by one strict reading of its lines.

use super::error::HeadError;
use memchr::memchr2;
use std::ops::Range;

/// Looks for the empty line that ends a head, across any number of reads, and looks at every byte once.
///
/// RFC 9112 section 2.2 allows a lone LF as a line's end; programs differ in that, so it is refused here, as is a lone
/// CR.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeadScan {
    start: usize,
    line_start: usize,
    scanned: usize,
    lines: usize,
}

/// The empty lines before a request that are read past (RFC 9112 section 2.2): old clients send one after a body.
const EMPTY_LINE: &[u8] = b"\r\n";

impl HeadScan {
    /// Looks on in `input`, which starts with what was there at the last call. Answers where the head lies in it, its
    /// empty last line included, or `None` while that is missing. At most `bytes_max` bytes are looked at.
    pub(crate) fn advance(
        &mut self,
        input: &[u8],
        bytes_max: usize,
        empty_line_first: bool,
    ) -> Result<Option<Range<usize>>, HeadError> {
        let window = &input[..input.len().min(bytes_max)];
        while let Some(found) = memchr2(b'\r', b'\n', &window[self.scanned..]) {
            let at = self.scanned + found;
            if window[at] == b'\n' {
                return Err(HeadError::LineEnding);
            }
            match window.get(at + 1) {
                None => {
                    self.scanned = at;
                    return self.partial(input, bytes_max);
                }
                Some(b'\n') => {}
                Some(_) => return Err(HeadError::LineEnding),
            }
            let line = self.line_start..at;
            self.scanned = at + EMPTY_LINE.len();
            self.line_start = self.scanned;
            if !line.is_empty() {
                self.lines += 1;
            } else if self.lines > 0 || !empty_line_first {
                return Ok(Some(self.start..self.scanned));
            } else if self.start == 0 {
                self.start = self.scanned;
            } else {
                return Err(HeadError::StartLine);
            }
        }
        self.scanned = window.len();
        self.partial(input, bytes_max)
    }

    fn partial(&self, input: &[u8], bytes_max: usize) -> Result<Option<Range<usize>>, HeadError> {
        match (input.len() < bytes_max, self.lines) {
            (true, _) => Ok(None),
            (false, 0) => Err(HeadError::TargetTooLong),
            (false, _) => Err(HeadError::FieldsTooLarge),
        }
    }

    /// Whether nothing but empty lines came so far.
    pub(crate) fn is_blank(&self) -> bool {
        self.lines == 0 && self.scanned == self.start
    }
}

/// Whether a byte may stand in a token (RFC 9110 section 5.6.2).
pub(crate) const fn is_token(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
    ) || byte.is_ascii_alphanumeric()
}

/// `value` without the spaces and tabs around it (RFC 9110 section 5.6.3).
#[must_use]
pub fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}
