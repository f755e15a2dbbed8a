//! The program's standard streams, and their way into the log.

use crate::logs::{Entry, LineSplitter, LogWriter, Stream};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use seaworthy_host::clock;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::process::Stdio;

const READ_BYTES: usize = 64 * 1024;
/// The most that one call of [`Pipes::pump`] takes from a stream: a flood must not keep the shim from its other work.
const PUMP_BYTES_MAX: usize = 1024 * 1024;

/// The pipes live as long as the shim, through all starts of the program; the shim holds both ends, so none ever ends.
pub(super) struct Pipes {
    stdin: (PipeReader, PipeWriter),
    stdout: Channel,
    stderr: Channel,
}

struct Channel {
    stream: Stream,
    reader: PipeReader,
    writer: PipeWriter,
    splitter: LineSplitter,
}

impl Pipes {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self { stdin: io::pipe()?, stdout: Channel::new(Stream::Stdout)?, stderr: Channel::new(Stream::Stderr)? })
    }

    /// The program's ends: an input on which nothing ever comes and which never ends, and two outputs.
    pub(super) fn for_program(&self) -> io::Result<[Stdio; 3]> {
        let input = self.stdin.0.try_clone()?;
        Ok([input.into(), self.stdout.writer.try_clone()?.into(), self.stderr.writer.try_clone()?.into()])
    }

    /// What to poll for reading.
    pub(super) fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.stdout.reader.as_fd(), self.stderr.reader.as_fd()]
    }

    /// Moves what is there into the log.
    pub(super) fn pump(&mut self, log: &mut LogWriter) {
        self.stdout.pump(log);
        self.stderr.pump(log);
    }

    /// Writes unfinished lines: the program that began them has ended.
    pub(super) fn finish_lines(&mut self, log: &mut LogWriter) {
        for channel in [&mut self.stdout, &mut self.stderr] {
            let mut entries = Entries::new(channel.stream);
            channel.splitter.finish(&mut |tag, text| entries.add(tag, text));
            log.append(&entries.bytes, entries.count);
        }
    }
}

impl Channel {
    fn new(stream: Stream) -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        let flags = OFlag::from_bits_retain(fcntl(&reader, FcntlArg::F_GETFL)?);
        fcntl(&reader, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
        Ok(Self { stream, reader, writer, splitter: LineSplitter::default() })
    }

    fn pump(&mut self, log: &mut LogWriter) {
        let mut buffer = [0; READ_BYTES];
        let mut taken = 0;
        while taken < PUMP_BYTES_MAX {
            let length = match nix::unistd::read(&self.reader, &mut buffer) {
                Ok(0) | Err(Errno::EAGAIN) => return,
                Ok(length) => length,
                Err(Errno::EINTR) => continue,
                Err(_) => return,
            };
            taken += length;
            let mut entries = Entries::new(self.stream);
            self.splitter.push(&buffer[..length], &mut |tag, text| entries.add(tag, text));
            log.append(&entries.bytes, entries.count);
            if length < READ_BYTES {
                return;
            }
        }
    }
}

/// Entries with one time, to be written at once.
struct Entries {
    stream: Stream,
    time: String,
    bytes: Vec<u8>,
    count: u64,
}

impl Entries {
    fn new(stream: Stream) -> Self {
        Self { stream, time: clock::rfc3339(clock::now()), bytes: Vec::new(), count: 0 }
    }

    fn add(&mut self, tag: crate::logs::Tag, text: &[u8]) {
        Entry::write(&mut self.bytes, &self.time, self.stream, tag, text);
        self.count += 1;
    }
}
