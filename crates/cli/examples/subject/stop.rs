//! Ending when asked, and not before.

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::net::TcpListener;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// How soon a signal that came just before `poll` is seen.
const LOOK_EVERY_MS: u16 = 20;

extern "C" fn note(_: i32) {
    ASKED.store(true, Ordering::SeqCst);
}

extern "C" fn end(_: i32) {
    // SAFETY: it may be called in a handler, and nothing of this process goes on.
    unsafe { nix::libc::_exit(0) }
}

/// SIGTERM asks to end, unless it is to be ignored or ends everything at once.
pub(crate) fn listen_for_signals(ignore: bool, rude: bool) {
    let handler = match (ignore, rude) {
        (true, _) => SigHandler::SigIgn,
        (false, true) => SigHandler::Handler(end),
        (false, false) => SigHandler::Handler(note),
    };
    let action = SigAction::new(handler, SaFlags::empty(), SigSet::empty());
    // SAFETY: a handler stores to an atomic or ends the process, and does nothing else.
    let _ = unsafe { sigaction(Signal::SIGTERM, &action) };
}

pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Returns true when somebody connects, false when asked to end and nobody waits any more: a connection that the kernel
/// has taken is a promise.
pub(crate) fn wait_for_connection(listener: &TcpListener) -> bool {
    loop {
        let ending = asked();
        let mut descriptors = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
        let timeout = if ending { PollTimeout::ZERO } else { PollTimeout::from(LOOK_EVERY_MS) };
        if poll(&mut descriptors, timeout).is_ok_and(|ready| ready > 0) {
            return true;
        }
        if ending {
            return false;
        }
    }
}
