//! The shim: one small process per instance. It starts the program, owns its pipes, writes its log, starts it again
//! when it ends, and reports. It has one thread and no async runtime; a node may come and go meanwhile.
//!
//! It is started with three descriptors: 0 is a socket on which the specification comes and one answer goes
//! ([`crate::wire::FirstStart`]); 1 is the instance's lock, which it holds as long as it lives; 2 is for its own words.

mod back_off;
mod control;
mod entrance;
mod launch;
mod pipes;
mod question;
mod resolver;
mod run;
mod signals;
mod state;

use crate::wire::{FirstStart, Isolation, ShimSpec, VERSION};
use run::Shim;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
use std::process::ExitCode;

/// The role `shim`: runs until its program has ended for good. The last word on its command line makes it do something
/// else: `enter` a running instance, or find out the machine's `capabilities`.
#[must_use]
pub fn main() -> ExitCode {
    #[cfg(target_os = "linux")]
    match std::env::args().next_back().as_deref() {
        Some("enter") => return crate::exec::main(),
        Some("capabilities") => {
            let found = serde_json::to_vec(&crate::linux::sandbox::capabilities()).unwrap_or_default();
            return if io::stdout().write_all(&found).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
        _ => {}
    }
    run_shim()
}

fn run_shim() -> ExitCode {
    let (spec, _lock) = match prepare() {
        Ok(prepared) => prepared,
        Err(error) => {
            answer(&FirstStart::Failed(error.to_string()));
            return ExitCode::FAILURE;
        }
    };
    let isolation = spec.isolation.clone();
    let code = match enter(&isolation).and_then(|()| Shim::start(spec)) {
        Ok(shim) => {
            answer(&FirstStart::Started);
            shim.run();
            ExitCode::SUCCESS
        }
        Err(error) => {
            answer(&FirstStart::Failed(error.to_string()));
            ExitCode::FAILURE
        }
    };
    leave(&isolation); // while the lock is still held
    code
}

/// Makes the sandbox that the shim itself lives in.
fn enter(isolation: &Isolation) -> io::Result<()> {
    match isolation {
        Isolation::Process => Ok(()),
        #[cfg(target_os = "linux")]
        Isolation::Sandbox(sandbox) => crate::linux::sandbox::enter(sandbox),
        #[cfg(not(target_os = "linux"))]
        Isolation::Sandbox(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// Removes what would outlive the shim.
fn leave(isolation: &Isolation) {
    #[cfg(target_os = "linux")]
    if let Isolation::Sandbox(sandbox) = isolation {
        // What stays is found by a node that looks for what this instance left behind.
        let _ = crate::linux::sandbox::remove_groups(&sandbox.group);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = isolation;
}

/// Leaves the node's session, takes over the lock and reads the specification.
fn prepare() -> io::Result<(ShimSpec, OwnedFd)> {
    let _ = nix::unistd::setsid(); // fails only for a process group's leader, which has been made one on purpose
    #[cfg(target_os = "linux")]
    crate::linux::confine::adopt_orphans()?;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o022));
    let lock = io::stdout().as_fd().try_clone_to_owned()?;
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdout(&null)?;
    let mut bytes = Vec::new();
    File::from(io::stdin().as_fd().try_clone_to_owned()?).read_to_end(&mut bytes)?;
    let spec: ShimSpec = serde_json::from_slice(&bytes)?;
    if spec.version != VERSION {
        return Err(io::Error::other(format!("a specification of version {}, not {VERSION}", spec.version)));
    }
    launch::set_limits()?;
    Ok((spec, lock))
}

/// Answers once, then lets go of the node.
fn answer(answer: &FirstStart) {
    let write = || -> io::Result<()> {
        let mut socket = File::from(io::stdin().as_fd().try_clone_to_owned()?);
        let mut line = serde_json::to_vec(answer)?;
        line.push(b'\n');
        let _ = socket.write_all(&line); // a node that died meanwhile comes again over the control socket
        nix::unistd::dup2_stdin(&File::open("/dev/null")?)?;
        Ok(())
    };
    let _ = write();
}
