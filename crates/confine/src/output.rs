//! What a job writes, bounded, and how it ended.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The most that a log holds, in bytes.
const LOG_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// How many of the last lines are remembered.
const LINES: usize = 40;
/// Where a line is cut, in bytes.
const LINE_BYTES_MAX: usize = 4096;

/// How a job ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// By itself: 128 and the signal's number, if by a signal.
    Code(i32),
    /// The kernel ended it because of its limit of memory, in bytes.
    OutOfMemory(u64),
    /// It took longer than its time.
    TooLong,
    /// It wrote more than it may.
    TooMuchOutput,
    /// It wanted to be more processes and threads than these.
    TooManyProcesses(u32),
    /// Its folder became larger than it may.
    TooLarge,
    /// The disk of its folder had less free than it has to have: nothing was begun.
    DiskFull,
    /// That came to be so while it ran.
    DiskFilled,
    /// Whoever started it did not want it any more.
    Cancelled,
    /// The walls could not be put up.
    NotConfined,
}

/// A job that has ended; nothing of it is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How.
    pub end: End,
    /// What it wrote to its standard output.
    pub stdout: Vec<u8>,
    /// The last lines that it wrote to its standard error.
    pub last_lines: Vec<String>,
}

/// A file for what a job says.
#[derive(Debug)]
pub struct Log {
    file: File,
    left: u64,
}

impl Log {
    /// Begins a log, only for its owner to read, or goes on with one: whoever reads it while it grows loses nothing.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
        let left = LOG_BYTES_MAX.saturating_sub(file.metadata()?.len());
        Ok(Self { file, left })
    }

    /// Adds a line of the node's own.
    pub fn note(&mut self, line: &str) {
        self.write(format!("--- {line}\n").as_bytes());
    }

    /// Adds what there is room for. A log that cannot be written stops no job.
    pub(crate) fn write(&mut self, bytes: &[u8]) {
        if self.left == 0 {
            return;
        }
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let _ = self.file.write_all(&bytes[..room]);
        self.left -= room as u64;
        if self.left == 0 {
            let _ = self.file.write_all(b"\n--- the log is full: the rest is not kept\n");
        }
    }
}

/// The last lines of a stream.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    lines: VecDeque<String>,
    line: Vec<u8>,
}

impl Tail {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            if *byte == b'\n' {
                self.end_line();
            } else if self.line.len() < LINE_BYTES_MAX {
                self.line.push(*byte);
            }
        }
    }

    fn end_line(&mut self) {
        let text: String = String::from_utf8_lossy(&self.line).chars().filter(|c| !c.is_control()).collect();
        self.line.clear();
        if self.lines.len() == LINES {
            self.lines.pop_front();
        }
        self.lines.push_back(text);
    }

    pub(crate) fn into_lines(mut self) -> Vec<String> {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.lines.into()
    }
}
