//! What a shim asks of the kernel for itself and for its program.

use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::getppid;
use std::io;

/// Makes this process the parent of every process below it whose own parent ends.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(prctl::set_child_subreaper(true)?)
}

/// In the child, after its change of user (which clears the death signal), before the program: it dies with the shim,
/// and no program gives it rights that it lacks.
pub(crate) fn bind_to(shim: u32) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if getppid().as_raw().unsigned_abs() != shim {
        return Err(nix::errno::Errno::ESRCH.into()); // the shim died before the signal was set
    }
    Ok(prctl::set_no_new_privs()?)
}
