//! The program's standard streams, and their way into the log.

use crate::logs::{Entry, LineSplitter, LogWriter, Stream, Tag};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use seaworthy_host::clock;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const READ_BYTES: usize = 16 * 1024;
/// Entries are written when there are so many bytes of them: a flood of empty lines becomes much longer than it was.
const WRITE_BYTES: usize = 32 * 1024;
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
    pub(super) fn for_program(&self) -> io::Result<[OwnedFd; 3]> {
        let input = self.stdin.0.try_clone()?;
        Ok([input.into(), self.stdout.writer.try_clone()?.into(), self.stderr.writer.try_clone()?.into()])
    }

    /// Gives them to the program's user: who opens `/dev/stdout` again must be let in.
    pub(super) fn give_to(&self, user: u32) -> io::Result<()> {
        for end in self.for_program()? {
            nix::unistd::fchown(end, Some(user.into()), Some(user.into()))?;
        }
        Ok(())
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
            let mut entries = Entries::new(channel.stream, log);
            channel.splitter.finish(&mut |tag, text| entries.add(tag, text));
            entries.write();
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
            let mut entries = Entries::new(self.stream, log);
            self.splitter.push(&buffer[..length], &mut |tag, text| entries.add(tag, text));
            entries.write();
            if length < READ_BYTES {
                return;
            }
        }
    }
}

/// Entries with one time on their way into the log.
struct Entries<'a> {
    stream: Stream,
    time: String,
    bytes: Vec<u8>,
    log: &'a mut LogWriter,
}

impl<'a> Entries<'a> {
    fn new(stream: Stream, log: &'a mut LogWriter) -> Self {
        Self { stream, time: clock::rfc3339(clock::now()), bytes: Vec::new(), log }
    }

    fn add(&mut self, tag: Tag, text: &[u8]) {
        Entry::write(&mut self.bytes, &self.time, self.stream, tag, text);
        if self.bytes.len() >= WRITE_BYTES {
            self.write();
        }
    }

    fn write(&mut self) {
        self.log.append(&self.bytes);
        self.bytes.clear();
    }
}
