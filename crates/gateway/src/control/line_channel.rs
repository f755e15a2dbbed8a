//! Lines and descriptors over a Unix socket, for the processes and threads that block.

use seaworthy_host::descriptor;
use serde::Serialize;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;

/// The longest line that is read here; tables travel elsewhere.
const LINE_BYTES_MAX: usize = 64 << 10;

/// One side of a socket that carries JSON lines, some of them with a descriptor.
#[derive(Debug)]
pub(crate) struct LineChannel {
    stream: UnixStream,
    buffer: Vec<u8>,
    descriptors: VecDeque<OwnedFd>,
}

impl LineChannel {
    /// Over this socket, in whatever blocking mode it is.
    pub(crate) fn new(stream: UnixStream) -> Self {
        Self { stream, buffer: Vec::new(), descriptors: VecDeque::new() }
    }

    /// Reads once what is there. `Ok(false)`: the other side has closed.
    pub(crate) fn fill(&mut self) -> io::Result<bool> {
        let mut bytes = [0; 4096];
        let (count, descriptors) = match descriptor::receive(&self.stream, &mut bytes) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(true);
            }
            other => other?,
        };
        self.buffer.extend_from_slice(&bytes[..count]);
        self.descriptors.extend(descriptors);
        if self.buffer.len() > LINE_BYTES_MAX || self.descriptors.len() > descriptor::DESCRIPTORS_MAX {
            return Err(io::ErrorKind::InvalidData.into());
        }
        Ok(count > 0)
    }

    /// The next whole line, without its end.
    pub(crate) fn next_line(&mut self) -> Option<Vec<u8>> {
        let end = self.buffer.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.buffer.drain(..=end).collect();
        line.pop();
        Some(line)
    }

    /// The descriptor that came with the line that was just read. It was sent with that line's first byte, so that it
    /// is here, and those of later lines are behind it.
    pub(crate) fn next_descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    /// Sends a line.
    pub(crate) fn send(&mut self, message: &impl Serialize, descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let descriptors: Vec<_> = descriptor.into_iter().collect();
        let sent = descriptor::send(&self.stream, &line, &descriptors)?;
        self.stream.write_all(&line[sent..])
    }

    /// The socket.
    pub(crate) fn stream(&self) -> &UnixStream {
        &self.stream
    }
}

impl AsFd for LineChannel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_descriptors_however_they_are_cut() {
        let (left, right) = UnixStream::pair().unwrap();
        let (mut left, mut right) = (LineChannel::new(left), LineChannel::new(right));
        let (reader, writer) = std::io::pipe().unwrap();
        left.send(&"first", Some(reader.as_fd())).unwrap();
        left.send(&"second", None).unwrap();
        left.send(&"third", Some(writer.as_fd())).unwrap();
        drop(left);
        while right.fill().unwrap() {}
        assert_eq!(right.next_line().unwrap(), b"\"first\"");
        assert!(right.next_descriptor().is_some());
        assert_eq!(right.next_line().unwrap(), b"\"second\"");
        assert_eq!(right.next_line().unwrap(), b"\"third\"");
        assert!(right.next_descriptor().is_some());
        assert!(right.next_line().is_none());
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let (mut left, right) = UnixStream::pair().unwrap();
        let writer = std::thread::spawn(move || left.write_all(&vec![b'x'; LINE_BYTES_MAX * 64]));
        let mut right = LineChannel::new(right);
        let refused = loop {
            match right.fill() {
                Ok(open) => assert!(open, "never refused"),
                Err(error) => break error,
            }
        };
        assert_eq!(refused.kind(), io::ErrorKind::InvalidData);
        drop(right);
        assert!(writer.join().unwrap().is_err());
    }
}
