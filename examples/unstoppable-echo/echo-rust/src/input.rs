//! Reads heads from a connection, with a deadline and a limit.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::phrase::TARGET_BYTES_MAX;
use crate::request::Refusal;

const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Room for a method and a version around the longest target.
const LINE_BYTES_MAX: usize = TARGET_BYTES_MAX + 64;

pub struct Input<'a> {
    stream: &'a TcpStream,
    buffer: Vec<u8>,
}

/// Why there is no head.
#[derive(Debug)]
pub enum NoHead {
    /// The client went away or was too slow: there is nobody to answer.
    Gone,
    Refused(Refusal),
}

impl<'a> Input<'a> {
    pub fn new(stream: &'a TcpStream) -> Self {
        Self { stream, buffer: Vec::new() }
    }

    /// Waits for the first byte of a request. `false`: there will be none.
    pub fn wait(&mut self, timeout: Duration) -> bool {
        !self.buffer.is_empty() || matches!(self.fill(timeout), Ok(1..))
    }

    /// The next head, its blank line included.
    pub fn head(&mut self, deadline: Instant) -> Result<Vec<u8>, NoHead> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = self.buffer.split_off(end + 4);
                return Ok(std::mem::replace(&mut self.buffer, rest));
            }
            if self.buffer.len() > LINE_BYTES_MAX && !self.buffer[..LINE_BYTES_MAX].contains(&b'\n') {
                return Err(NoHead::Refused(Refusal::TargetTooLong));
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return Err(NoHead::Refused(Refusal::HeadTooLarge));
            }
            let remaining = deadline.saturating_duration_since(Instant::now());
            if remaining.is_zero() || !matches!(self.fill(remaining), Ok(1..)) {
                return Err(NoHead::Gone);
            }
        }
    }

    fn fill(&mut self, timeout: Duration) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(timeout))?;
        let mut chunk = [0; 16 * 1024];
        let count = (&mut self.stream).read(&mut chunk)?;
        self.buffer.extend_from_slice(&chunk[..count]);
        Ok(count)
    }
}
