//! The node's end of a shim's control socket.

use crate::wire::{Message, Request, ShimEvent, VERSION, Want};
use std::io;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// A shim answers at once; one that does not is stuck.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// A line is a state and little more.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A connection to a shim.
#[derive(Debug)]
pub(crate) struct ShimClient {
    stream: BufReader<UnixStream>,
    line: Vec<u8>,
}

impl ShimClient {
    /// Connects; an error when nobody listens there.
    pub(crate) async fn connect(socket: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(socket).await?;
        Ok(Self { stream: BufReader::new(stream), line: Vec::new() })
    }

    /// Asks, and waits for the answer. Once subscribed, an event may come first: ask before.
    pub(crate) async fn ask(&mut self, what: Want) -> io::Result<Message> {
        let mut line = serde_json::to_vec(&Request { version: VERSION, what })?;
        line.push(b'\n');
        self.stream.get_mut().write_all(&line).await?;
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.next()).await;
        let answer = answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let message = answer.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        match message.event {
            ShimEvent::Refused(why) => Err(io::Error::other(why)),
            _ => Ok(message),
        }
    }

    /// The next message; `None`: the shim has closed. May be given up at any time without losing anything.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Message>> {
        loop {
            let available = self.stream.fill_buf().await?;
            if available.is_empty() {
                return Ok(None);
            }
            let end = available.iter().position(|byte| *byte == b'\n');
            let taken = end.map_or(available.len(), |end| end + 1);
            self.line.extend_from_slice(&available[..taken]);
            self.stream.consume(taken);
            if end.is_some() {
                let line = std::mem::take(&mut self.line);
                return Ok(Some(serde_json::from_slice(&line)?));
            }
            if self.line.len() > LINE_BYTES_MAX {
                return Err(io::ErrorKind::InvalidData.into());
            }
        }
    }
}
