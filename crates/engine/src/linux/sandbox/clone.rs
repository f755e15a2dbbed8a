//! Starting a process in new namespaces.

use nix::errno::Errno;
use nix::libc;
use std::io;

/// Which of the two processes this is.
pub(super) enum Forked {
    /// The new one.
    Child,
    /// The old one; the new one's process id.
    Parent(u32),
}

/// As `fork`, with the child in new namespaces (`CLONE_NEW…`). `unshare` could make a namespace for the process ids of
/// children only once; this can be called for every start.
///
/// # Safety
/// The process must have one thread: in the child, locks that another thread held would stay locked.
pub(super) unsafe fn fork_into(namespaces: libc::c_int) -> io::Result<Forked> {
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    let none: libc::c_long = 0;
    // SAFETY: without a stack of its own the child goes on with a copy of this one, as after `fork`; the other
    // arguments are not looked at without their flags, on any architecture.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    match u32::try_from(Errno::result(pid)?).unwrap_or(0) {
        0 => Ok(Forked::Child),
        pid => Ok(Forked::Parent(pid)),
    }
}
