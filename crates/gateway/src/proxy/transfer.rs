//! A body on its way from one connection to another.

use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::trailers;
use crate::http1::{BodyDecoder, BodyError, BodyEvent, Framing, write_chunk, write_last_chunk};
use crate::limits::Limits;

/// How far [`Transfer::advance`] came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    /// More must be read.
    Starved,
    /// More must be written.
    Full,
    /// The body is complete.
    Done,
}

/// Why a body goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransferError {
    /// It is malformed or ended early.
    Body(BodyError),
    /// It is larger than it may be.
    TooLarge,
}

/// Reads a body by one framing and writes it by another, without holding more than `bytes_max` of it.
#[derive(Debug)]
pub(crate) struct Transfer {
    decoder: BodyDecoder,
    chunked: bool,
    done: bool,
    bytes: u64,
    bytes_max: u64,
    pending_max: usize,
}

impl Transfer {
    /// A body that comes as `framing` and leaves in chunks if `chunked`, else as it is.
    pub(crate) fn new(framing: Framing, chunked: bool, bytes_max: u64, limits: &Limits) -> Self {
        Self {
            decoder: BodyDecoder::new(framing, limits),
            chunked,
            done: matches!(framing, Framing::None | Framing::Length(0)),
            bytes: 0,
            bytes_max,
            pending_max: limits.buffer_bytes_max,
        }
    }

    /// The same, held as a whole before any of it is written.
    pub(crate) fn held(framing: Framing, chunked: bool, bytes_max: u64, limits: &Limits) -> Self {
        Self { pending_max: usize::MAX, ..Self::new(framing, chunked, bytes_max, limits) }
    }

    /// Whether all of it has been taken over.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// How much content there was.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes over what is there.
    pub(crate) fn advance(&mut self, from: &mut Incoming, to: &mut Outgoing) -> Result<Advance, TransferError> {
        while !self.done {
            if to.pending() >= self.pending_max {
                return Ok(Advance::Full);
            }
            let (length, event) = self.decoder.decode(from.bytes()).map_err(TransferError::Body)?;
            match event {
                BodyEvent::Data(data) => {
                    self.bytes += data.len() as u64;
                    if self.bytes > self.bytes_max {
                        return Err(TransferError::TooLarge);
                    }
                    if self.chunked {
                        write_chunk(to.bytes_mut(), data);
                    } else {
                        to.bytes_mut().extend_from_slice(data);
                    }
                }
                BodyEvent::End { trailers } => {
                    self.done = true;
                    if self.chunked {
                        write_last_chunk(to.bytes_mut());
                        trailers::write(to.bytes_mut(), trailers.unwrap_or_default());
                    }
                }
                BodyEvent::Starved => {
                    from.consume(length);
                    return Ok(Advance::Starved);
                }
            }
            from.consume(length);
        }
        Ok(Advance::Done)
    }

    /// The connection from which it comes has ended.
    pub(crate) fn end_of_input(&mut self) -> Result<(), TransferError> {
        self.decoder.end_of_input().map_err(TransferError::Body)
    }
}
