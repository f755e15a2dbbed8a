//! Starting the program. The one place that a sandbox changes.

use super::pipes::Pipes;
use crate::wire::{ExitKind, Isolation, Program, ShimSpec};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use seaworthy_host::{clock, process};
use std::io;
use std::os::unix::process::CommandExt as _;

/// Open files that a program may have, where the system allows as many.
const OPEN_FILES: u64 = 65_536;

/// A program that was started.
pub(super) struct Launched {
    pub(super) program: Program,
    /// The child of the shim whose end means the program's.
    pub(super) child: u32,
    #[cfg(target_os = "linux")]
    sandboxed: Option<crate::linux::sandbox::Started>,
}

impl Launched {
    /// How the program ended, when its child ended like this.
    pub(super) fn ended(&mut self, how: ExitKind) -> ExitKind {
        #[cfg(target_os = "linux")]
        if let Some(sandboxed) = &mut self.sandboxed {
            return sandboxed.ended(how);
        }
        how
    }
}

/// Starts the program as the specification says.
pub(super) fn launch(spec: &ShimSpec, pipes: &Pipes) -> io::Result<Launched> {
    match &spec.isolation {
        Isolation::Process => {
            let program = launch_process(spec, pipes)?;
            Ok(Launched {
                child: program.pid,
                program,
                #[cfg(target_os = "linux")]
                sandboxed: None,
            })
        }
        #[cfg(target_os = "linux")]
        Isolation::Sandbox(sandbox) => {
            let started = crate::linux::sandbox::start(spec, sandbox, pipes.for_program()?)?;
            Ok(Launched { program: started.program.clone(), child: started.init, sandboxed: Some(started) })
        }
        #[cfg(not(target_os = "linux"))]
        Isolation::Sandbox(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

fn launch_process(spec: &ShimSpec, pipes: &Pipes) -> io::Result<Program> {
    let mut command = process::command(&spec.program);
    command.arg0(&spec.name).args(&spec.arguments).current_dir(&spec.working_directory);
    command.envs(spec.environment.iter().map(|(name, value)| (name, value.reveal())));
    let [stdin, stdout, stderr] = pipes.for_program()?;
    command.stdin(stdin).stdout(stdout).stderr(stderr);
    if let Some(user) = spec.user {
        // The standard library clears the supplementary groups when it sets the user as root.
        command.gid(user).uid(user);
    }
    let shim = std::process::id();
    // SAFETY: the shim has one thread, so whatever the child does between fork and exec finds no lock held. It runs
    // after the change of user and of folder.
    unsafe { command.pre_exec(move || confine(shim)) };
    let started_at = clock::now();
    let child = command.spawn()?;
    let pid = child.id();
    // The child is not reaped before the shim's loop does it: its line in /proc is there even if it has ended.
    Ok(Program { pid, start_time: start_time(pid), started_at, init: None })
}

fn confine(shim: u32) -> io::Result<()> {
    nix::unistd::setsid()?;
    #[cfg(target_os = "linux")]
    crate::linux::confine::bind_to(shim)?;
    #[cfg(not(target_os = "linux"))]
    let _ = shim;
    Ok(())
}

/// Also of a program that has ended already.
fn start_time(pid: u32) -> u64 {
    #[cfg(target_os = "linux")]
    return seaworthy_host::linux::procfs::stat(pid).map_or(0, |stat| stat.start_time);
    #[cfg(not(target_os = "linux"))]
    process::start_time(pid).unwrap_or(0)
}

/// Limits that the program inherits: no core files (they hold settings), and files enough for a server.
pub(super) fn set_limits() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_CORE)?;
    setrlimit(Resource::RLIMIT_CORE, 0, hard)?;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let raised = setrlimit(Resource::RLIMIT_NOFILE, OPEN_FILES, hard.max(OPEN_FILES));
    if raised.is_err() {
        setrlimit(Resource::RLIMIT_NOFILE, hard.min(OPEN_FILES), hard)?;
    }
    Ok(())
}
