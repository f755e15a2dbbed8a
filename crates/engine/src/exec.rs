//! Another program in a running instance, with streams to whoever asked for it: what the node asks of the small process
//! that enters for it, and that process's role.
//!
//! Standard input, output and error are the program's own. Descriptor 3 is a socket on which the specification comes
//! and two answers go: whether it was started, and how it ended. When the node closes it, the program is killed.

use crate::wire::{ExitKind, Program};
use serde::{Deserialize, Serialize};

/// What the process that enters must know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct EnterSpec {
    /// The instance's program, in whose namespaces the new one will be.
    pub(crate) beside: Program,
    /// The instance's control groups; `None`: it has no sandbox.
    pub(crate) group: Option<String>,
    /// The service's user; `None`: that of this process.
    pub(crate) user: Option<u32>,
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// Its streams are a terminal.
    pub(crate) has_terminal: bool,
    /// What kind of terminal (`TERM`).
    pub(crate) terminal_type: String,
}

/// A line from that process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Entered {
    /// The program runs.
    Started,
    /// The instance has no such program.
    Missing,
    /// It could not be started.
    Failed(String),
    /// It ended.
    Ended(ExitKind),
}

/// The descriptor of the socket.
#[cfg(target_os = "linux")]
const SOCKET: std::os::fd::RawFd = 3;

/// The role: returns when the program has ended.
#[cfg(target_os = "linux")]
pub(crate) fn main() -> std::process::ExitCode {
    use std::io::{Read as _, Write as _};
    use std::os::fd::FromRawFd as _;
    use std::os::unix::net::UnixStream;

    // SAFETY: whoever starts this role passes a socket there, and nothing else in this process knows the number.
    let mut socket = unsafe { UnixStream::from_raw_fd(SOCKET) };
    let run = |socket: &mut UnixStream| -> std::io::Result<Entered> {
        nix::fcntl::fcntl(&*socket, nix::fcntl::FcntlArg::F_SETFD(nix::fcntl::FdFlag::FD_CLOEXEC))?;
        let mut line = Vec::new();
        let mut byte = [0];
        while socket.read(&mut byte)? == 1 && byte[0] != b'\n' {
            line.push(byte[0]);
        }
        let mut command = crate::linux::sandbox::enter_beside(&serde_json::from_slice(&line)?)?;
        let mut child = match command.spawn() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Entered::Missing),
            other => other?,
        };
        drop(command);
        say(socket, &Entered::Started)?;
        drop_streams()?;
        Ok(Entered::Ended(accompany(&mut child, socket)?))
    };
    let last = run(&mut socket).unwrap_or_else(|error| Entered::Failed(error.to_string()));
    let _ = say(&mut socket, &last);
    let _ = socket.flush();
    std::process::ExitCode::SUCCESS
}

#[cfg(target_os = "linux")]
fn say(socket: &mut std::os::unix::net::UnixStream, what: &Entered) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(what)?;
    line.push(b'\n');
    std::io::Write::write_all(socket, &line)
}

/// Lets go of the program's streams: they end with the program, not with this process.
#[cfg(target_os = "linux")]
fn drop_streams() -> std::io::Result<()> {
    // The machine's own /dev/null, or that of the instance, which is the same.
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    Ok(())
}

/// Waits for the program's end; a node that closes the socket kills it.
#[cfg(target_os = "linux")]
fn accompany(child: &mut std::process::Child, socket: &std::os::unix::net::UnixStream) -> std::io::Result<ExitKind> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use seaworthy_host::linux::Pidfd;
    use seaworthy_host::process::{self, Signal};
    use std::os::fd::AsFd as _;
    use std::os::unix::process::ExitStatusExt as _;

    let handle = Pidfd::open(child.id())?;
    let mut descriptors =
        [PollFd::new(handle.as_fd(), PollFlags::POLLIN), PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    while matches!(poll(&mut descriptors, PollTimeout::NONE), Err(nix::errno::Errno::EINTR)) {}
    if !descriptors[0].any().unwrap_or(false) {
        // With what it started in its group; what has left that ends with the instance.
        let _ = process::signal_group(child.id(), Signal::SIGKILL);
        child.kill()?;
    }
    let status = child.wait()?;
    Ok(match (status.code(), status.signal()) {
        (Some(code), _) => ExitKind::Code(code),
        (None, signal) => {
            let name = signal.and_then(|number| Signal::try_from(number).ok()).map(Signal::as_str);
            ExitKind::Signal(name.unwrap_or("an unknown signal").to_owned())
        }
    })
}
