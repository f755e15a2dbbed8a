//! A worker whose parent died goes on serving; the next parent takes its listeners over.

use super::process::HeldListener;
use crate::control::{Answer, CONTROL_VERSION, LineChannel, ListenerEntry, Request, WorkerCommand, worker_socket};
use crate::log;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long the orphan may take for each of its answers.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A worker that another parent started.
#[derive(Debug)]
pub(super) struct Orphan(LineChannel);

impl Orphan {
    /// Looks for one and takes its listeners; it goes on accepting.
    pub(super) fn find(runtime_dir: &Path) -> Option<(Self, Vec<HeldListener>)> {
        let stream = UnixStream::connect(worker_socket(runtime_dir)).ok()?;
        match Self::take_over(stream) {
            Ok((orphan, listeners)) => {
                log::line("parent", format_args!("took {} listeners over from an orphaned worker", listeners.len()));
                Some((orphan, listeners))
            }
            Err(error) => {
                log::line("parent", format_args!("an orphaned worker does not hand its listeners over: {error}"));
                None
            }
        }
    }

    /// Tells it to finish and end.
    pub(super) fn drain(mut self) {
        let request = Request { version: CONTROL_VERSION, command: WorkerCommand::Drain };
        if let Err(error) = self.0.send(&request, None) {
            log::line("parent", format_args!("the orphaned worker cannot be told to end: {error}"));
        }
    }

    fn take_over(stream: UnixStream) -> io::Result<(Self, Vec<HeldListener>)> {
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let mut channel = LineChannel::new(stream);
        channel.send(&Request { version: CONTROL_VERSION, command: WorkerCommand::HandOver }, None)?;
        let mut listeners = Vec::new();
        loop {
            // One line per listener with its descriptor, then one that ends it.
            match next(&mut channel)? {
                Answer::Done(Some(entry)) => {
                    let socket = channel.next_descriptor().ok_or(io::ErrorKind::InvalidData)?;
                    listeners.push(HeldListener { entry, socket });
                }
                Answer::Done(None) => return Ok((Self(channel), listeners)),
                Answer::Refused(refusal) => return Err(io::Error::other(refusal)),
            }
        }
    }
}

fn next(channel: &mut LineChannel) -> io::Result<Answer<Option<ListenerEntry>>> {
    loop {
        if let Some(line) = channel.next_line() {
            return Ok(serde_json::from_slice(&line)?);
        }
        let before = std::time::Instant::now();
        if !channel.fill()? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        // `fill` takes the end of the socket's patience for nothing to read.
        if before.elapsed() >= ANSWER_TIMEOUT {
            return Err(io::ErrorKind::TimedOut.into());
        }
    }
}
