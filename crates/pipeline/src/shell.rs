//! Runs one shell line: its output line by line, a time limit, and nothing left behind.

use crate::isolation::Isolation;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::process::{Signal, command, signal_group};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, PipeReader};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// How many of the last lines are kept as evidence.
const EVIDENCE_LINES: usize = 40;
/// Where a line is cut, in bytes.
const LINE_BYTES_MAX: usize = 16 * 1024;
/// From SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(5);
/// How long output may still come after the shell ended, from programs that it left behind.
const TAIL: Duration = Duration::from_millis(500);
const TICK: Duration = Duration::from_millis(20);

/// A line to run, and how.
pub(crate) struct ShellLine<'a> {
    pub(crate) line: &'a str,
    pub(crate) folder: &'a Path,
    pub(crate) isolation: &'a Isolation,
    /// When it has to have ended.
    pub(crate) deadline: Instant,
    /// Whether it shall end now.
    pub(crate) cancelled: &'a dyn Fn() -> bool,
    /// Told every line.
    pub(crate) told: &'a dyn Fn(String),
}

/// Why a line did not end well.
pub(crate) enum Failure {
    /// It ended with this status, after these last lines.
    Status(ExitStatus, Vec<String>),
    /// It took too long.
    TooLong(Vec<String>),
    /// Somebody asked to stop.
    Cancelled,
    /// It could not be started.
    Machine(Diagnostic),
}

impl ShellLine<'_> {
    /// Runs the line; every process of its group is gone afterwards.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let (mut child, output) = self.start().map_err(|error| {
            let message = format!("cannot run `sh` in `{}`: {error}", self.folder.display());
            Failure::Machine(Diagnostic::machine(message).help("check that the folder and `sh` are there"))
        })?;
        let (sender, lines) = sync_channel(1024);
        std::thread::spawn(move || read_lines(output, &sender));
        let mut last = VecDeque::new();
        let ended = self.wait(&mut child, &lines, &mut last);
        // Whatever it started and did not wait for; the shell itself is waited for already or ends now.
        end_group(&mut child);
        let tail = Instant::now();
        while tail.elapsed() < TAIL {
            match lines.recv_timeout(TICK) {
                Ok(line) => self.keep(line, &mut last),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        match ended {
            Ended::Status(status) if status.success() => Ok(()),
            Ended::Status(status) => Err(Failure::Status(status, last.into())),
            Ended::TooLong => Err(Failure::TooLong(last.into())),
            Ended::Cancelled => Err(Failure::Cancelled),
        }
    }

    /// Both outputs are one pipe, so that their lines stay in order.
    fn start(&self) -> std::io::Result<(Child, PipeReader)> {
        let (output, input) = std::io::pipe()?;
        let mut shell = command("/bin/sh");
        shell.arg("-c").arg(self.line);
        self.isolation.enter(&mut shell, self.folder)?;
        shell.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).process_group(0);
        Ok((shell.spawn()?, output))
    }

    fn wait(&self, child: &mut Child, lines: &Receiver<String>, last: &mut VecDeque<String>) -> Ended {
        loop {
            match lines.recv_timeout(TICK) {
                Ok(line) => self.keep(line, last),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK),
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Ended::Status(status);
            }
            if (self.cancelled)() {
                return Ended::Cancelled;
            }
            if Instant::now() >= self.deadline {
                return Ended::TooLong;
            }
        }
    }

    fn keep(&self, line: String, last: &mut VecDeque<String>) {
        if last.len() == EVIDENCE_LINES {
            last.pop_front();
        }
        last.push_back(line.clone());
        (self.told)(line);
    }
}

enum Ended {
    Status(ExitStatus),
    TooLong,
    Cancelled,
}

fn end_group(child: &mut Child) {
    let group = child.id();
    let _ = signal_group(group, Signal::SIGTERM);
    let asked = Instant::now();
    while asked.elapsed() < GRACE {
        let ended = matches!(child.try_wait(), Ok(Some(_)));
        if ended && !matches!(signal_group(group, Signal::SIGTERM), Ok(true)) {
            return;
        }
        std::thread::sleep(TICK);
    }
    let _ = signal_group(group, Signal::SIGKILL);
    let _ = child.wait();
}

/// Sends every line until the last writer is gone; a line is cut at [`LINE_BYTES_MAX`].
fn read_lines(output: PipeReader, sender: &SyncSender<String>) {
    let mut reader = BufReader::with_capacity(LINE_BYTES_MAX, output);
    let mut line = Vec::new();
    loop {
        let Ok(available) = reader.fill_buf() else { return };
        let ended = available.is_empty();
        let newline = available.iter().position(|byte| *byte == b'\n');
        let taken = newline.unwrap_or(available.len());
        let room = LINE_BYTES_MAX.saturating_sub(line.len());
        line.extend_from_slice(&available[..taken.min(room)]);
        let used = newline.map_or(taken, |at| at + 1);
        reader.consume(used);
        if newline.is_some() || (ended && !line.is_empty()) {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
        if ended {
            return;
        }
    }
}
