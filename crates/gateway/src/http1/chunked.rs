//! Chunked bodies (RFC 9112 section 7.1), read strictly.

use super::body::BodyEvent;
use super::error::BodyError;
use super::known::Known;
use super::scan::HeadScan;
use crate::limits::{FIELDS_CAPACITY, Limits};

/// More digits than `u64` has.
const SIZE_DIGITS_MAX: u8 = 16;

#[derive(Debug, Clone)]
enum State {
    Size { digits: u8, size: u64 },
    Extension { size: u64 },
    SizeLineFeed { size: u64 },
    Data { remaining: u64 },
    DataCarriageReturn,
    DataLineFeed,
    Trailers(HeadScan),
    End,
}

/// Reads one chunked body.
#[derive(Debug, Clone)]
pub(crate) struct ChunkedDecoder {
    state: State,
    extension_bytes: usize,
    extension_bytes_max: usize,
    trailer_bytes_max: usize,
}

impl ChunkedDecoder {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            state: State::Size { digits: 0, size: 0 },
            extension_bytes: 0,
            extension_bytes_max: limits.chunk_extension_bytes_max,
            trailer_bytes_max: limits.trailer_bytes_max,
        }
    }

    /// See [`super::BodyDecoder::decode`].
    pub(crate) fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, BodyEvent<'a>), BodyError> {
        let mut at = 0;
        loop {
            match &mut self.state {
                State::Data { remaining } if at < input.len() => {
                    let length = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len() - at);
                    *remaining -= length as u64;
                    if *remaining == 0 {
                        self.state = State::DataCarriageReturn;
                    }
                    return Ok((at + length, BodyEvent::Data(&input[at..at + length])));
                }
                State::Trailers(scan) => {
                    let found = scan.advance(&input[at..], self.trailer_bytes_max, false);
                    let Some(range) = found.map_err(|_| BodyError::Trailers)? else {
                        return Ok((at, BodyEvent::Starved));
                    };
                    let section = &input[at + range.start..at + range.end];
                    check_trailers(section)?;
                    self.state = State::End;
                    let trailers = (section.len() > 2).then_some(section);
                    return Ok((at + range.end, BodyEvent::End { trailers }));
                }
                State::End => return Ok((at, BodyEvent::End { trailers: None })),
                _ => {}
            }
            let Some(byte) = input.get(at) else { return Ok((at, BodyEvent::Starved)) };
            self.step(*byte)?;
            at += 1;
        }
    }

    /// One byte of the lines around the data.
    fn step(&mut self, byte: u8) -> Result<(), BodyError> {
        self.state = match self.state {
            State::Size { digits, size } => match byte {
                b'\r' if digits > 0 => State::SizeLineFeed { size },
                b';' if digits > 0 => State::Extension { size },
                _ if digits == SIZE_DIGITS_MAX => return Err(BodyError::ChunkSize),
                _ => {
                    let digit = char::from(byte).to_digit(16).ok_or(BodyError::ChunkSize)?;
                    State::Size { digits: digits + 1, size: size << 4 | u64::from(digit) }
                }
            },
            State::Extension { size } => match byte {
                b'\r' => State::SizeLineFeed { size },
                b'\t' | b' '..=b'~' if self.extension_bytes < self.extension_bytes_max => {
                    self.extension_bytes += 1;
                    State::Extension { size }
                }
                _ => return Err(BodyError::ChunkExtension),
            },
            State::SizeLineFeed { size } => match (byte, size) {
                (b'\n', 0) => State::Trailers(HeadScan::default()),
                (b'\n', remaining) => State::Data { remaining },
                _ => return Err(BodyError::ChunkSize),
            },
            State::DataCarriageReturn if byte == b'\r' => State::DataLineFeed,
            State::DataLineFeed if byte == b'\n' => State::Size { digits: 0, size: 0 },
            _ => return Err(BodyError::ChunkEnd),
        };
        Ok(())
    }
}

/// RFC 9110 section 6.5.1: fields that say how to read the message have no place after it.
fn check_trailers(section: &[u8]) -> Result<(), BodyError> {
    let mut room = [httparse::EMPTY_HEADER; FIELDS_CAPACITY];
    let Ok(httparse::Status::Complete((length, fields))) = httparse::parse_headers(section, &mut room) else {
        return Err(BodyError::Trailers);
    };
    let forbidden = |known: Known| known.is_framing() || known == Known::Disguised || known == Known::Connection;
    if length != section.len() || fields.iter().any(|field| forbidden(Known::of(field.name.as_bytes()))) {
        return Err(BodyError::Trailers);
    }
    Ok(())
}
