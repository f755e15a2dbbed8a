//! Bytes that are to be written.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;

/// More than this is given back before a long wait.
const BYTES_USUAL: usize = 16 * 1024;

/// A write buffer. It can keep what it wrote, so that it can be written again to somebody else.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    written: usize,
    /// Keep what was written while the whole is no longer than this.
    kept_max: Option<usize>,
}

impl Outgoing {
    /// Empties it. With `kept_max`, what is written is kept as long as there is no more than that in all.
    pub(crate) fn begin(&mut self, kept_max: Option<usize>) -> &mut Vec<u8> {
        self.bytes.clear();
        self.written = 0;
        self.kept_max = kept_max;
        &mut self.bytes
    }

    /// For appending.
    pub(crate) fn bytes_mut(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// All that is there, written or not.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How much is still to be written.
    pub(crate) fn pending(&self) -> usize {
        self.bytes.len() - self.written
    }

    /// Whether anything was written since [`Outgoing::begin`].
    pub(crate) fn has_begun(&self) -> bool {
        self.written > 0 || self.kept_max.is_none()
    }

    /// Goes back to the beginning; `false` if that is no longer there.
    pub(crate) fn rewind(&mut self) -> bool {
        if self.kept_max.is_some() {
            self.written = 0;
        }
        self.kept_max.is_some()
    }

    /// Nobody will ask for it again.
    pub(crate) fn forget(&mut self) {
        self.kept_max = None;
    }

    /// Writes what is pending, as far as it is taken. `Ready` means that nothing is pending any more.
    pub(crate) fn poll_write<W: AsyncWrite + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        writer: &mut W,
    ) -> Poll<io::Result<()>> {
        while self.written < self.bytes.len() {
            let length = ready!(Pin::new(&mut *writer).poll_write(context, &self.bytes[self.written..]))?;
            if length == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.written += length;
            self.reclaim();
        }
        Poll::Ready(Ok(()))
    }

    /// Gives memory back before a long wait.
    pub(crate) fn shrink(&mut self) {
        if self.pending() == 0 && self.bytes.capacity() > BYTES_USUAL {
            self.begin(None);
            self.bytes = Vec::new();
        }
    }

    fn reclaim(&mut self) {
        if self.kept_max.is_some_and(|kept_max| self.bytes.len() > kept_max) {
            self.kept_max = None;
        }
        if self.kept_max.is_none() {
            if self.written == self.bytes.len() {
                self.bytes.clear();
                self.written = 0;
            } else if self.written >= BYTES_USUAL && self.written >= self.bytes.len() / 2 {
                self.bytes.drain(..self.written);
                self.written = 0;
            }
        }
    }
}
