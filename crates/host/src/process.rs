//! Processes: what a child inherits, who is alive, who belongs to whom, and signals.

use nix::errno::Errno;
use nix::sys::signal::{kill, killpg};
use nix::unistd::Pid;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io;
use std::process::Command;

pub use nix::sys::signal::Signal;

/// A command with an empty environment: a child gets what it is given and nothing else.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the one place that decides what a child inherits")]
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear();
    command
}

/// A command that runs this very program in another role, also when its file was replaced or cannot be reached by the
/// user that this process has become.
#[must_use]
pub fn self_command() -> Command {
    use std::os::unix::process::CommandExt as _;
    #[cfg(target_os = "linux")]
    let mut command = command("/proc/self/exe");
    #[cfg(not(target_os = "linux"))]
    let mut command = command(std::env::current_exe().unwrap_or_else(|_| "seaworthy".into()));
    command.arg0("seaworthy");
    command
}

/// Makes a command's process end (by SIGKILL) when this one does, however that ended; what it started itself is not
/// meant. Asked for last: a change of rights takes the wish back (`PR_SET_PDEATHSIG`, prctl(2)).
pub fn end_with_parent(command: &mut Command) {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::process::CommandExt as _;
        let parent = Pid::this();
        // SAFETY: two system calls that allocate nothing and take no lock.
        unsafe {
            command.pre_exec(move || {
                nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
                // It may have ended before the wish was heard.
                if nix::unistd::getppid() == parent { Ok(()) } else { Err(io::ErrorKind::NotConnected.into()) }
            })
        };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = command;
}

/// Identifies this run of the machine: process ids and start times mean nothing in another one.
#[must_use]
pub fn boot_id() -> String {
    #[cfg(target_os = "linux")]
    return crate::linux::procfs::boot_id();
    #[cfg(not(target_os = "linux"))]
    String::new()
}

/// When a process started, in clock ticks since the machine did; with the id it names a process for good. `None`: gone
/// (a zombie is gone, too).
#[must_use]
pub fn start_time(pid: u32) -> Option<u64> {
    #[cfg(target_os = "linux")]
    return crate::linux::procfs::stat(pid).filter(|s| !matches!(s.state, 'Z' | 'X')).map(|s| s.start_time);
    #[cfg(not(target_os = "linux"))]
    (kill(raw(pid)?, None) != Err(Errno::ESRCH)).then_some(0)
}

/// Whether exactly that process is still there.
#[must_use]
pub fn is_alive(pid: u32, started: u64) -> bool {
    start_time(pid) == Some(started)
}

/// Every live process of a session, in no order.
#[must_use]
pub fn session_members(session: u32) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    {
        let all = crate::linux::procfs::all().into_iter();
        all.filter(|s| s.session == session && !matches!(s.state, 'Z' | 'X')).map(|s| s.pid).collect()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = session;
        Vec::new()
    }
}

/// Every live process by its session.
#[must_use]
pub fn sessions() -> BTreeMap<u32, Vec<u32>> {
    let mut sessions: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    #[cfg(target_os = "linux")]
    for stat in crate::linux::procfs::all().into_iter().filter(|stat| !matches!(stat.state, 'Z' | 'X')) {
        sessions.entry(stat.session).or_default().push(stat.pid);
    }
    sessions
}

/// Every live process below another, that one not included.
#[must_use]
pub fn descendants(ancestor: u32) -> Vec<u32> {
    #[cfg(target_os = "linux")]
    {
        let all = crate::linux::procfs::all();
        let mut found = vec![ancestor];
        let mut next = 0;
        while let Some(parent) = found.get(next).copied() {
            found.extend(all.iter().filter(|s| s.parent == parent && s.pid != parent).map(|s| s.pid));
            next += 1;
        }
        let gone = |pid: &u32| all.iter().any(|s| s.pid == *pid && matches!(s.state, 'Z' | 'X'));
        found.into_iter().skip(1).filter(|pid| !gone(pid)).collect()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = ancestor;
        Vec::new()
    }
}

/// Bytes of RAM of a process: its own and its part of what it shares where that may be known, else all it uses.
#[must_use]
pub fn memory_bytes(pid: u32) -> Option<u64> {
    #[cfg(target_os = "linux")]
    return crate::linux::procfs::proportional_bytes(pid).or_else(|| crate::linux::procfs::resident_bytes(pid));
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pid;
        None
    }
}

/// Sends a signal to a process; false when there is none. 0 and 1 are never meant.
///
/// # Errors
/// `EPERM` when it is another user's.
pub fn signal(pid: u32, signal: Signal) -> io::Result<bool> {
    sent(raw(pid).map_or(Err(Errno::ESRCH), |pid| kill(pid, signal)))
}

/// Sends a signal to every process of a group; false when there is none.
///
/// # Errors
/// `EPERM` when all are another user's.
pub fn signal_group(group: u32, signal: Signal) -> io::Result<bool> {
    sent(raw(group).map_or(Err(Errno::ESRCH), |group| killpg(group, signal)))
}

/// Sends a signal to exactly the process that started then; false when it is gone.
///
/// # Errors
/// `EPERM` when it is another user's.
pub fn signal_exactly(pid: u32, started: u64, signal: Signal) -> io::Result<bool> {
    #[cfg(target_os = "linux")]
    {
        let Ok(handle) = crate::linux::Pidfd::open(pid) else { return Ok(false) };
        if !is_alive(pid, started) {
            return Ok(false);
        }
        match handle.signal(signal) {
            Err(error) if error.raw_os_error() == Some(Errno::ESRCH as i32) => Ok(false),
            other => other.map(|()| true),
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = started;
        self::signal(pid, signal)
    }
}

fn raw(pid: u32) -> Option<Pid> {
    i32::try_from(pid).ok().filter(|pid| *pid > 1).map(Pid::from_raw)
}

fn sent(result: nix::Result<()>) -> io::Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(Errno::ESRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::process::Stdio;

    fn sleeper() -> std::process::Child {
        command("/bin/sh").args(["-c", "exec /bin/cat"]).stdin(Stdio::piped()).spawn().expect("a shell")
    }

    #[test]
    fn a_child_gets_no_environment() {
        let output = command("/usr/bin/env").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    }

    #[test]
    fn a_process_is_known_by_id_and_start_time_until_it_is_killed() {
        let mut child = sleeper();
        let started = start_time(child.id()).unwrap();
        assert!(is_alive(child.id(), started));
        assert!(!is_alive(child.id(), started + 1));
        assert!(descendants(std::process::id()).contains(&child.id()));
        let session = crate::linux::procfs::stat(std::process::id()).unwrap().session;
        assert!(session_members(session).contains(&child.id()));
        assert!(memory_bytes(child.id()).unwrap() > 0);
        assert!(!signal_exactly(child.id(), started + 1, Signal::SIGKILL).unwrap());
        assert!(signal_exactly(child.id(), started, Signal::SIGKILL).unwrap());
        child.wait().unwrap();
        assert!(!is_alive(child.id(), started));
        assert!(!signal(child.id(), Signal::SIGTERM).unwrap());
    }

    #[test]
    fn nobody_means_init_or_his_own_group_by_accident() {
        assert!(!signal(0, Signal::SIGTERM).unwrap());
        assert!(!signal_group(1, Signal::SIGTERM).unwrap());
    }

    #[test]
    fn the_machine_has_an_identity() {
        assert_eq!(boot_id().len(), 36);
        assert_eq!(boot_id(), boot_id());
    }
}
