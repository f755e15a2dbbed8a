//! Bodies of any framing.

use super::chunked::ChunkedDecoder;
use super::error::BodyError;
use super::framing::Framing;
use crate::limits::Limits;

/// What the next bytes of a body are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyEvent<'a> {
    /// More bytes are needed.
    Starved,
    /// Content, never empty.
    Data(&'a [u8]),
    /// The body is complete.
    End {
        /// The trailer section of a chunked body, its empty last line included; `None` where it has no field.
        trailers: Option<&'a [u8]>,
    },
}

/// Reads one body.
#[derive(Debug, Clone)]
pub struct BodyDecoder(Kind);

#[derive(Debug, Clone)]
enum Kind {
    Length(u64),
    Chunked(ChunkedDecoder),
    UntilClose { closed: bool },
}

impl BodyDecoder {
    /// A reader of one body.
    #[must_use]
    pub fn new(framing: Framing, limits: &Limits) -> Self {
        Self(match framing {
            Framing::None => Kind::Length(0),
            Framing::Length(length) => Kind::Length(length),
            Framing::Chunked => Kind::Chunked(ChunkedDecoder::new(limits)),
            Framing::UntilClose => Kind::UntilClose { closed: false },
        })
    }

    /// Reads on: how many bytes of `input` are to be taken away, and what they mean. What is not taken away must be
    /// there again at the next call, with more after it if the event was [`BodyEvent::Starved`]: at most
    /// [`Limits::trailer_bytes_max`] bytes wait in that way.
    ///
    /// # Errors
    /// When the body is refused. The connection must then end.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<(usize, BodyEvent<'a>), BodyError> {
        match &mut self.0 {
            Kind::Length(0) | Kind::UntilClose { closed: true } => Ok((0, BodyEvent::End { trailers: None })),
            _ if input.is_empty() => Ok((0, BodyEvent::Starved)),
            Kind::Length(remaining) => {
                let length = usize::try_from(*remaining).unwrap_or(usize::MAX).min(input.len());
                *remaining -= length as u64;
                Ok((length, BodyEvent::Data(&input[..length])))
            }
            Kind::Chunked(chunked) => chunked.decode(input),
            Kind::UntilClose { .. } => Ok((input.len(), BodyEvent::Data(input))),
        }
    }

    /// The connection has ended.
    ///
    /// # Errors
    /// [`BodyError::Truncated`] when the body has not.
    pub fn end_of_input(&mut self) -> Result<(), BodyError> {
        match &mut self.0 {
            Kind::Length(0) => Ok(()),
            Kind::UntilClose { closed } => {
                *closed = true;
                Ok(())
            }
            _ => Err(BodyError::Truncated),
        }
    }
}
