//! Bytes that were read and not yet used.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// What a connection has while nothing unusual passes through it.
const BYTES_USUAL: usize = 8 * 1024;

/// A read buffer. It grows while reads fill it, up to `bytes_max`, and shrinks when its connection is idle.
#[derive(Debug)]
pub(crate) struct Incoming {
    storage: Vec<u8>,
    start: usize,
    end: usize,
    bytes_max: usize,
    /// The last read left no room: the next one gets more.
    was_filled: bool,
}

impl Incoming {
    /// An empty buffer. Nothing is allocated before the first read.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { storage: Vec::new(), start: 0, end: 0, bytes_max, was_filled: false }
    }

    /// What waits.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.storage[self.start..self.end]
    }

    /// Takes bytes away from the front.
    pub(crate) fn consume(&mut self, length: usize) {
        self.start = (self.start + length).min(self.end);
        if self.start == self.end {
            self.clear();
        }
    }

    /// Forgets what waits.
    pub(crate) fn clear(&mut self) {
        (self.start, self.end) = (0, 0);
    }

    /// Whether so much waits that a connection that is only watched for its end should not be read on.
    pub(crate) fn is_ahead(&self) -> bool {
        self.end - self.start >= BYTES_USUAL / 2
    }

    /// Reads once; 0 is the end of the connection. The caller takes bytes away before the buffer is full.
    pub(crate) fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        context: &mut Context<'_>,
        reader: &mut R,
    ) -> Poll<io::Result<usize>> {
        self.make_room();
        let mut room = ReadBuf::new(&mut self.storage[self.end..]);
        debug_assert!(room.remaining() > 0, "a full buffer reads nothing");
        ready!(Pin::new(reader).poll_read(context, &mut room))?;
        let length = room.filled().len();
        self.was_filled = room.remaining() == 0;
        self.end += length;
        Poll::Ready(Ok(length))
    }

    /// Gives memory back before a long wait.
    pub(crate) fn shrink(&mut self) {
        if self.start == self.end && self.storage.len() > BYTES_USUAL {
            self.storage = Vec::new();
            self.was_filled = false;
        }
    }

    fn make_room(&mut self) {
        if self.storage.is_empty() {
            self.storage.resize(BYTES_USUAL.min(self.bytes_max), 0);
        }
        let full = self.end == self.storage.len();
        if full && self.start > 0 {
            self.storage.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.was_filled || self.end == self.storage.len() {
            let wanted = (self.storage.len() * 2).min(self.bytes_max.max(self.end + 1));
            self.storage.resize(wanted.max(self.storage.len()), 0);
            self.was_filled = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(incoming: &mut Incoming, mut from: &[u8]) -> usize {
        match incoming.poll_fill(&mut Context::from_waker(std::task::Waker::noop()), &mut from) {
            Poll::Ready(Ok(length)) => length,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn grows_while_it_is_filled_and_no_further_than_it_may() {
        let mut incoming = Incoming::new(20_000);
        let bytes: Vec<u8> = (0..=255).cycle().take(30_000).collect();
        let mut total = 0;
        while total < 20_000 {
            total += fill(&mut incoming, &bytes[total..]);
        }
        assert_eq!((total, incoming.storage.len()), (20_000, 20_000));
        assert_eq!(incoming.bytes(), &bytes[..20_000]);
        incoming.consume(19_999);
        assert_eq!(fill(&mut incoming, b"xy"), 2);
        assert_eq!(incoming.bytes(), &[bytes[19_999], b'x', b'y']);
        incoming.consume(3);
        incoming.shrink();
        assert_eq!(incoming.storage.capacity(), 0);
    }
}
