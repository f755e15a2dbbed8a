//! Signals as bytes in a pipe, so that one `poll` waits for everything.

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use std::io::{self, PipeReader};
use std::os::fd::{AsFd, BorrowedFd, IntoRawFd as _};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

static WAKE: AtomicI32 = AtomicI32::new(-1);
static ASKED_TO_END: AtomicBool = AtomicBool::new(false);

/// The reading end: readable after SIGCHLD, SIGTERM, SIGINT or SIGHUP.
pub(super) struct Signals {
    reader: PipeReader,
}

impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        WAKE.store(writer.into_raw_fd(), Ordering::SeqCst);
        let action = SigAction::new(SigHandler::Handler(handle), SaFlags::SA_RESTART, SigSet::empty());
        for signal in [Signal::SIGCHLD, Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
            // SAFETY: the handler does nothing but what signal-safety(7) allows: atomics and write(2).
            unsafe { sigaction(signal, &action) }?;
        }
        Ok(Self { reader })
    }

    pub(super) fn descriptor(&self) -> BorrowedFd<'_> {
        self.reader.as_fd()
    }

    /// Forgets the bytes; they only wake.
    pub(super) fn drain(&self) {
        let mut buffer = [0; 64];
        while matches!(nix::unistd::read(&self.reader, &mut buffer), Ok(length) if length > 0) {}
    }

    /// Whether the shim itself was asked to end.
    pub(super) fn asked_to_end() -> bool {
        ASKED_TO_END.load(Ordering::SeqCst)
    }
}

extern "C" fn handle(signal: nix::libc::c_int) {
    if signal != Signal::SIGCHLD as nix::libc::c_int {
        ASKED_TO_END.store(true, Ordering::SeqCst);
    }
    let error = Errno::last_raw(); // whoever was interrupted may still have to look at it
    let byte = 0_u8;
    // SAFETY: the descriptor is never closed, and one byte is read from a local variable. A full pipe wakes as well.
    unsafe { nix::libc::write(WAKE.load(Ordering::SeqCst), (&raw const byte).cast(), 1) };
    Errno::set_raw(error);
}
