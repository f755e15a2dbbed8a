//! The first process of an instance: number 1 of its process ids. It becomes nobody, starts the program as number 2,
//! reaps, and says how the program ended; when it ends, the kernel ends all that is left.
//!
//! The shim signals the program itself, not through this process. A program that were number 1 would ignore every
//! signal that it does not handle (pid_namespaces(7)).

use super::failure::Context as _;
use super::{filter, privileges, root};
use crate::wire::{SandboxSpec, ShimSpec};
use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::wait::{WaitStatus, waitpid};
use rustix::thread::UnshareFlags;
use seaworthy_host::{peer, process};
use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::process::CommandExt as _;

/// What it has in hand.
pub(super) struct Init<'a> {
    pub(super) spec: &'a ShimSpec,
    pub(super) sandbox: &'a SandboxSpec,
    /// The program's standard input, output and error.
    pub(super) streams: [OwnedFd; 3],
    /// Where it reports.
    pub(super) reporter: PipeWriter,
    /// Where the shim says that it may go on.
    pub(super) waiter: PipeReader,
}

impl Init<'_> {
    /// Does everything, and ends.
    pub(super) fn run(mut self) -> ! {
        let line = match self.start() {
            Ok(program) => wait_for(program),
            Err(error) => format!("failed {}\n", error.to_string().replace('\n', " ")),
        };
        let _ = self.reporter.write_all(line.as_bytes());
        // No destructor may run: they belong to the shim, of which this process is a copy.
        std::process::exit(0)
    }

    /// Starts the program; its process id as seen from here.
    fn start(&mut self) -> io::Result<i32> {
        forget_the_shims_signals()?;
        self.close_what_is_the_shims().context("cannot close descriptors")?;
        self.may_go_on()?;
        // SAFETY: no descriptor table is unshared. The control groups are joined by now: they are its root from here.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWCGROUP) }.context("cannot hide control groups")?;
        nix::unistd::sethostname(&self.sandbox.hostname).context("cannot set the host name")?;
        root::build(self.sandbox)?;
        privileges::never_more().context("cannot give up rights")?;
        let program = self.start_program()?;
        privileges::none().context("cannot give up rights")?;
        filter::apply(&filter::programs()?).context("cannot filter its own system calls")?;
        // Every change of its rights may have cleared it.
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        prctl::set_dumpable(false)?;
        self.reporter.write_all(format!("started {program}\n").as_bytes())?;
        self.may_go_on()?;
        Ok(program)
    }

    /// Keeps the program's streams, its own two pipes, and standard error for a last word.
    fn close_what_is_the_shims(&mut self) -> io::Result<()> {
        prctl::set_pdeathsig(Signal::SIGKILL)?;
        prctl::set_dumpable(true)?; // else its own entries in /proc are not its own
        let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
        nix::unistd::dup2_stdin(&null)?;
        nix::unistd::dup2_stdout(&null)?;
        drop(null);
        let mut kept: Vec<i32> = self.streams.iter().map(|stream| stream.as_raw_fd()).collect();
        kept.extend([self.reporter.as_raw_fd(), self.waiter.as_raw_fd()]);
        kept.sort_unstable();
        let mut next = 3;
        for descriptor in kept {
            close_range(next, descriptor - 1)?;
            next = descriptor + 1;
        }
        close_range(next, i32::MAX)
    }

    fn start_program(&self) -> io::Result<i32> {
        let spec = self.spec;
        let mut command = process::command(&spec.program);
        command.arg0(&spec.name).args(&spec.arguments).current_dir(&spec.working_directory);
        command.envs(spec.environment.iter().map(|(name, value)| (name, value.reveal())));
        let [stdin, stdout, stderr] = &self.streams;
        command.stdin(stdin.try_clone()?).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
        if peer::is_root() {
            // The standard library clears the supplementary groups when it sets the user as root.
            command.gid(self.sandbox.user).uid(self.sandbox.user);
        }
        let filters = filter::programs()?;
        let confine = move || {
            nix::unistd::setsid()?;
            privileges::none()?;
            filter::apply(&filters)
        };
        // SAFETY: this process has one thread, so whatever the child does between fork and exec finds no lock held.
        unsafe { command.pre_exec(confine) };
        let child = command.spawn()?;
        i32::try_from(child.id()).map_err(io::Error::other)
    }

    /// Waits for the shim's word; an end without one means that the shim is dead.
    fn may_go_on(&mut self) -> io::Result<()> {
        self.waiter.read_exact(&mut [0])
    }
}

/// The shim's handlers write to a descriptor by its number, which belongs to something else in this process: to the
/// program's own output, once that has been opened under it.
fn forget_the_shims_signals() -> io::Result<()> {
    let default = SigAction::new(SigHandler::SigDfl, SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        // SAFETY: no handler is installed.
        unsafe { sigaction(signal, &default) }?;
    }
    Ok(())
}

/// Reaps until the program has ended; says how it did.
fn wait_for(program: i32) -> String {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw() == program => return format!("exit {code}\n"),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid.as_raw() == program => {
                return format!("signal {}\n", signal as i32);
            }
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return String::new(),
        }
    }
}

/// Closes every descriptor from `first` to `last`.
fn close_range(first: i32, last: i32) -> io::Result<()> {
    if first > last {
        return Ok(());
    }
    // SAFETY: the call takes three integers; nothing that is closed here is used again by this process, which never
    // runs the destructors of what it has a copy of.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) })?;
    Ok(())
}
