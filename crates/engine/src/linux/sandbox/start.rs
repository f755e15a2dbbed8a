//! The shim's half of a start.

use super::clone::{Forked, fork_into};
use super::failure::Context as _;
use super::groups::Groups;
use super::init::Init;
use crate::wire::{ExitKind, Program, SandboxSpec, ShimSpec};
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::waitpid;
use nix::unistd::Pid;
use seaworthy_host::clock;
use seaworthy_host::linux::procfs;
use seaworthy_host::process::{self, Signal};
use std::io::{self, BufRead as _, BufReader, PipeReader, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::time::{Duration, Instant};

/// How long the first process may take to start the program.
const PATIENCE: Duration = Duration::from_secs(20);
/// The longest line that it may say.
const LINE_BYTES_MAX: u64 = 4096;

/// A started program.
pub(crate) struct Started {
    /// The program.
    pub(crate) program: Program,
    /// Its sandbox's first process, a child of the shim; everything in the sandbox ends with it.
    pub(crate) init: u32,
    /// Where that says how the program ended.
    report: BufReader<PipeReader>,
    groups: Groups,
    /// What [`Groups::memory_kills`] was when it started.
    memory_kills: u64,
}

impl Started {
    /// How the program ended; to be asked once the first process has, which ended like this itself.
    pub(crate) fn ended(&mut self, first: ExitKind) -> ExitKind {
        // Without a word it was killed itself, and the program with it.
        let how = self.reported().unwrap_or(first);
        match (&how, self.groups.memory_bytes) {
            (ExitKind::Signal(signal), Some(bytes))
                if signal == Signal::SIGKILL.as_str() && self.groups.memory_kills() > self.memory_kills =>
            {
                ExitKind::OutOfMemory(bytes)
            }
            _ => how,
        }
    }

    fn reported(&mut self) -> Option<ExitKind> {
        let line = read_line(&mut self.report).ok()?;
        let (how, number) = line.split_once(' ')?;
        let number: i32 = number.parse().ok()?;
        match how {
            "exit" => Some(ExitKind::Code(number)),
            "signal" => Some(ExitKind::Signal(Signal::try_from(number).ok()?.to_string())),
            _ => None,
        }
    }
}

/// Starts the program. Its first process is in its control groups before it does anything.
pub(crate) fn start(spec: &ShimSpec, sandbox: &SandboxSpec, streams: [OwnedFd; 3]) -> io::Result<Started> {
    let groups = Groups::make(sandbox)?;
    let memory_kills = groups.memory_kills();
    let (report, reporter) = io::pipe()?;
    let (waiter, mut go) = io::pipe()?;
    let namespaces = libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    let started_at = clock::now();
    // SAFETY: the shim has one thread.
    let pid = match unsafe { fork_into(namespaces) }.context("cannot make namespaces")? {
        Forked::Child => Init { spec, sandbox, streams, reporter, waiter }.run(),
        Forked::Parent(pid) => pid,
    };
    drop((reporter, waiter, streams));
    let mut report = BufReader::new(report);
    let mut converse = || -> io::Result<Program> {
        groups.add(pid)?;
        go.write_all(b"!")?;
        wait_for(&report)?;
        match read_line(&mut report)?.split_once(' ') {
            Some(("failed", why)) => return Err(io::Error::other(why.to_owned())),
            Some(("started", _)) => {}
            _ => return Err(io::Error::other("the first process ended without a word")),
        }
        // It waits for one more word before it reaps: the program is in /proc even if it has ended.
        let program = program_of(pid).ok_or_else(|| io::Error::other("the program is not in `/proc`"))?;
        go.write_all(b"!")?;
        Ok(Program { pid: program.pid, start_time: program.start_time, started_at, init: Some(pid) })
    };
    match converse() {
        Ok(program) => Ok(Started { program, init: pid, report, groups, memory_kills }),
        Err(error) => {
            let _ = process::signal(pid, Signal::SIGKILL);
            let _ = waitpid(Pid::from_raw(i32::try_from(pid).unwrap_or(i32::MAX)), None);
            Err(error)
        }
    }
}

/// The first child of the first process: number 2 of its namespace.
fn program_of(init: u32) -> Option<procfs::Stat> {
    let is_program = |stat: &procfs::Stat| stat.parent == init && procfs::innermost_pid(stat.pid) == Some(2);
    procfs::all().into_iter().find(is_program)
}

fn wait_for(report: &BufReader<PipeReader>) -> io::Result<()> {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = until.saturating_duration_since(Instant::now()).as_millis();
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(report.get_ref().as_fd(), PollFlags::POLLIN)], timeout) {
            Ok(0) => return Err(io::Error::new(io::ErrorKind::TimedOut, "its root is not put together in time")),
            Ok(_) => return Ok(()),
            Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_line(report: &mut BufReader<PipeReader>) -> io::Result<String> {
    let mut line = String::new();
    report.take(LINE_BYTES_MAX).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
