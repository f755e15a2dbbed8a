//! Runs one shell line: its output line by line, its limits, and nothing left behind.

use crate::confinement::{Confinement, Confinements, Excess};
use crate::isolation::Isolation;
use crate::limits::StepLimits;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::process::{Signal, command, end_with_parent, signal_group};
use seaworthy_model::manifest::BuildNetwork;
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
/// What a line counts at least towards the bytes that may be printed: short ones cost as much to handle.
const LINE_COUNTS_MIN: u64 = 64;
/// How many lines are told as they come; of more, the last are still kept.
const LINES_TOLD_MAX: usize = 10_000;
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
    pub(crate) network: BuildNetwork,
    pub(crate) confinements: &'a Confinements,
    pub(crate) limits: &'a StepLimits,
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
    /// It took too much.
    TooMuch(Excess, Vec<String>),
    /// Somebody asked to stop.
    Cancelled,
    /// It could not be started.
    Machine(Diagnostic),
}

impl ShellLine<'_> {
    /// Runs the line; every process of its group is gone afterwards.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let (mut child, output, mut confinement) = self.start().map_err(|error| {
            let message = format!("cannot run `sh` in `{}`: {error}", self.folder.display());
            Failure::Machine(Diagnostic::machine(message).help("check that the folder and `sh` are there"))
        })?;
        let (sender, lines) = sync_channel(1024);
        let output_bytes_max = self.limits.output_bytes_max;
        std::thread::spawn(move || read_lines(output, output_bytes_max, &sender));
        let mut heard = Heard { told: self.told, lines: 0, last: VecDeque::new() };
        let ended = self.wait(&mut child, &lines, &mut confinement, &mut heard);
        if matches!(ended, Ended::TooMuch(_)) {
            // What takes more than it may is not asked twice.
            confinement.end();
            let _ = signal_group(child.id(), Signal::SIGKILL);
        }
        let late = match &ended {
            Ended::Status(status) if !status.success() => confinement.excess_at_end(),
            _ => None,
        };
        // Whatever it started and did not wait for; the shell itself is waited for already or ends now.
        end_group(&mut child);
        let late = late.or_else(|| confinement.excess());
        drop(confinement);
        let tail = Instant::now();
        while tail.elapsed() < TAIL {
            match lines.recv_timeout(TICK) {
                Ok(Said::Line(line)) => heard.keep(line),
                Ok(Said::TooMuch) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
        let last = heard.last.into();
        match (ended, late) {
            (Ended::Status(status), _) if status.success() => Ok(()),
            (Ended::Status(_), Some(excess)) | (Ended::TooMuch(excess), _) => Err(Failure::TooMuch(excess, last)),
            (Ended::Status(status), None) => Err(Failure::Status(status, last)),
            (Ended::TooLong, _) => Err(Failure::TooLong(last)),
            (Ended::Cancelled, _) => Err(Failure::Cancelled),
        }
    }

    /// Both outputs are one pipe, so that their lines stay in order.
    fn start(&self) -> std::io::Result<(Child, PipeReader, Confinement)> {
        let (output, input) = std::io::pipe()?;
        let mut shell = command("/bin/sh");
        shell.arg("-c").arg(self.line);
        let mut confinement = self.confinements.enter(&mut shell, self.limits)?;
        let processes_max = self.limits.watched.then_some(self.limits.processes_max);
        self.isolation.enter(&mut shell, self.folder, self.network, processes_max)?;
        end_with_parent(&mut shell);
        shell.stdin(Stdio::null()).stdout(input.try_clone()?).stderr(input).process_group(0);
        let child = shell.spawn()?;
        confinement.started(child.id());
        Ok((child, output, confinement))
    }

    fn wait(
        &self,
        child: &mut Child,
        said: &Receiver<Said>,
        confinement: &mut Confinement,
        heard: &mut Heard<'_>,
    ) -> Ended {
        let mut looked = Instant::now();
        loop {
            match said.recv_timeout(TICK) {
                Ok(Said::Line(line)) => heard.keep(line),
                Ok(Said::TooMuch) => return Ended::TooMuch(Excess::Output),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(TICK),
            }
            if let Ok(Some(status)) = child.try_wait() {
                return Ended::Status(status);
            }
            if looked.elapsed() < TICK {
                continue;
            }
            looked = Instant::now();
            if let Some(excess) = confinement.excess() {
                return Ended::TooMuch(excess);
            }
            if (self.cancelled)() {
                return Ended::Cancelled;
            }
            if looked >= self.deadline {
                return Ended::TooLong;
            }
        }
    }
}

/// What a line's programs have printed so far.
struct Heard<'a> {
    told: &'a dyn Fn(String),
    lines: usize,
    last: VecDeque<String>,
}

impl Heard<'_> {
    fn keep(&mut self, line: String) {
        if self.last.len() == EVIDENCE_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line.clone());
        self.lines += 1;
        match self.lines {
            lines if lines < LINES_TOLD_MAX => (self.told)(line),
            LINES_TOLD_MAX => (self.told)(format!("… what comes after {LINES_TOLD_MAX} lines is not shown")),
            _ => {}
        }
    }
}

enum Ended {
    Status(ExitStatus),
    TooLong,
    TooMuch(Excess),
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

enum Said {
    Line(String),
    /// More than may be printed; nothing comes after it.
    TooMuch,
}

/// Sends every line until the last writer is gone or too much was printed; a line is cut at [`LINE_BYTES_MAX`].
fn read_lines(output: PipeReader, bytes_max: u64, sender: &SyncSender<Said>) {
    let mut reader = BufReader::with_capacity(LINE_BYTES_MAX, output);
    let (mut line, mut bytes) = (Vec::new(), 0_u64);
    loop {
        let Ok(available) = reader.fill_buf() else { return };
        let ended = available.is_empty();
        let newline = available.iter().position(|byte| *byte == b'\n');
        let taken = newline.unwrap_or(available.len());
        let room = LINE_BYTES_MAX.saturating_sub(line.len());
        line.extend_from_slice(&available[..taken.min(room)]);
        let used = newline.map_or(taken, |at| at + 1);
        reader.consume(used);
        bytes += if newline.is_some() { (used as u64).max(LINE_COUNTS_MIN) } else { used as u64 };
        if newline.is_some() || (ended && !line.is_empty()) {
            let text = String::from_utf8_lossy(&line).trim_end_matches('\r').to_owned();
            line.clear();
            if sender.send(Said::Line(text)).is_err() {
                return;
            }
        }
        if bytes > bytes_max {
            let _ = sender.send(Said::TooMuch);
            return;
        }
        if ended {
            return;
        }
    }
}
