//! SIGTERM and SIGINT ask the parent to stop.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

extern "C" fn ask(_signal: i32) {
    ASKED.store(true, Ordering::Relaxed);
}

/// From now on these signals only leave a note; they interrupt a `poll`.
pub(super) fn watch() {
    let action = SigAction::new(SigHandler::Handler(ask), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        // SAFETY: the handler does nothing but store to an atomic, which a signal handler may do.
        let _ = unsafe { sigaction(signal, &action) };
    }
}

/// Whether one came.
pub(super) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
