//! The role `confined`: one thread, which puts the walls up, starts the program and waits for it.

use crate::job::Job;
use crate::root;
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use seaworthy_host::linux::Pidfd;
use seaworthy_host::peer;
use seaworthy_host::process::{self, Signal};
use std::ffi::CString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::process::{ExitCode, Stdio};

/// The largest description of a job, in bytes.
pub(crate) const JOB_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// The exit code when the walls could not be put up, and how the last line begins then.
pub(crate) const NOT_CONFINED: i32 = 125;
pub(crate) const WORDS: &str = "cannot confine it: ";
/// Descriptors that a program may have open.
const FILES_MAX: u64 = 65_536;
/// When memory runs out, the kernel ends a build before anything that serves (proc_pid_oom_score_adj(5)).
const FIRST_TO_GO: &str = "800";

/// Reads a job from standard input and runs it. It ends when that input does: whoever wanted it is gone then.
#[must_use]
pub fn main() -> ExitCode {
    match start() {
        Ok(first) => ExitCode::from(u8::try_from(wait(first)).unwrap_or(1)),
        Err(error) => {
            complain(&error);
            ExitCode::from(NOT_CONFINED as u8)
        }
    }
}

fn complain(error: &io::Error) {
    let _ = writeln!(io::stderr().lock(), "{WORDS}{}", error.to_string().replace('\n', " "));
}

/// Starts the job's first process; its id.
fn start() -> io::Result<Pid> {
    let job = read_job()?;
    // Whatever goes on here goes behind what serves, also where no control group says so.
    // SAFETY: the calls take integers.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, 10);
        libc::syscall(libc::SYS_ioprio_set, 1, 0, (2 << 13) | 7);
    }
    let _ = tell_kernel("/proc/self/oom_score_adj", FIRST_TO_GO);
    // Programs that leave the session of a job without a namespace stay below this process.
    prctl::set_child_subreaper(true)?;
    let namespaces = match (job.walls, peer::is_root()) {
        (false, _) => 0,
        (true, true) => libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS,
        (true, false) => {
            libc::CLONE_NEWNS | libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS | libc::CLONE_NEWUSER
        }
    };
    let (uid, gid) = (peer::effective_uid(), nix::unistd::getegid().as_raw());
    let flags = libc::c_long::from(namespaces | libc::SIGCHLD);
    let none: libc::c_long = 0;
    // SAFETY: this process has one thread; without a stack of its own the child goes on with a copy of this one, as
    // after `fork`.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, none, none, none, none) };
    match i32::try_from(Errno::result(pid)?).unwrap_or(0) {
        0 => first_process(&job, namespaces & libc::CLONE_NEWUSER != 0, uid, gid),
        pid => Ok(Pid::from_raw(pid)),
    }
}

/// One line: the rest of the input stays open, and its end means the end.
fn read_job() -> io::Result<Job> {
    let mut text = Vec::new();
    let mut byte = [0];
    // Without a buffer, so that nothing of what follows is taken.
    let mut input = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut length = Vec::new();
    while input.read(&mut byte)? == 1 && byte[0] != b'\n' && length.len() < 20 {
        length.push(byte[0]);
    }
    let length: Option<u64> = std::str::from_utf8(&length).ok().and_then(|text| text.parse().ok());
    let length = length.filter(|length| *length <= JOB_BYTES_MAX).ok_or(io::ErrorKind::InvalidData)?;
    input.take(length).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(io::Error::other)
}

/// Waits for the first process, or for the end of the input, whichever comes first; the exit code.
fn wait(first: Pid) -> i32 {
    let handle = u32::try_from(first.as_raw()).ok().and_then(|pid| Pidfd::open(pid).ok());
    if let Some(handle) = &handle {
        let input = io::stdin();
        loop {
            let mut both =
                [PollFd::new(handle.as_fd(), PollFlags::POLLIN), PollFd::new(input.as_fd(), PollFlags::POLLIN)];
            match poll(&mut both, PollTimeout::NONE) {
                Err(Errno::EINTR) => continue,
                Err(_) => break,
                Ok(_) => {}
            }
            let ready = |one: &PollFd<'_>| one.revents().is_some_and(|events| !events.is_empty());
            if ready(&both[1]) && !ready(&both[0]) {
                end_all();
            }
            break;
        }
    }
    let code = match waitpid(first, None) {
        Ok(WaitStatus::Exited(_, code)) => code,
        Ok(WaitStatus::Signaled(_, signal, _)) => 128 + signal as i32,
        _ => 1,
    };
    end_all();
    code
}

/// Everything below this process, until there is nothing.
fn end_all() {
    let own = std::process::id();
    for _ in 0..100 {
        let left = process::descendants(own);
        if left.is_empty() {
            return;
        }
        for pid in left {
            let _ = process::signal(pid, Signal::SIGKILL);
        }
        while let Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) =
            waitpid(None, Some(nix::sys::wait::WaitPidFlag::WNOHANG))
        {}
    }
}

/// The first process of the job: walls, program, and reaping until the program has ended.
fn first_process(job: &Job, maps: bool, uid: u32, gid: u32) -> ! {
    let code = match confine(job, maps, uid, gid).and_then(|()| start_program(job)) {
        Ok(program) => reap(program),
        Err(error) => {
            complain(&error);
            NOT_CONFINED
        }
    };
    // No destructor may run: they belong to the process of which this one is a copy.
    std::process::exit(code)
}

fn confine(job: &Job, maps: bool, uid: u32, gid: u32) -> io::Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    if maps {
        tell_kernel("/proc/self/setgroups", "deny")?;
        tell_kernel("/proc/self/uid_map", &format!("{uid} {uid} 1"))?;
        tell_kernel("/proc/self/gid_map", &format!("{gid} {gid} 1"))?;
    }
    if job.walls {
        nix::unistd::sethostname("build")?;
        root::build(job)?;
    } else {
        job.files.iter().try_for_each(|file| root::write(file, job.user))?;
    }
    setrlimit(Resource::RLIMIT_CORE, 0, 0)?;
    let (_, most) = nix::sys::resource::getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, FILES_MAX.min(most), FILES_MAX.min(most))?;
    Ok(rustix::thread::set_no_new_privs(true)?)
}

fn start_program(job: &Job) -> io::Result<Pid> {
    let mut command = process::command(&job.program);
    command.args(&job.arguments).envs(&job.environment).current_dir(&job.folder);
    command.stdin(match &job.input {
        None => Stdio::null(),
        Some(text) => Stdio::from(input(text)?),
    });
    if let Some(user) = job.user.filter(|_| peer::is_root()) {
        // The standard library clears the supplementary groups when it sets the user as root.
        command.gid(user).uid(user);
    }
    // Counted by user: only that of a job's own user is the job's. More than the group may have, where there is one:
    // what a group refuses is counted.
    let processes = job.user.map(|_| u64::from(job.processes) + u64::from(job.processes) / 4);
    let prepare = move || {
        nix::unistd::setsid()?;
        if let Some(processes) = processes {
            setrlimit(Resource::RLIMIT_NPROC, processes, processes)?;
        }
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        Ok(())
    };
    // SAFETY: this process has one thread, so whatever the child does between fork and exec finds no lock held.
    unsafe { command.pre_exec(prepare) };
    let child = command.spawn().map_err(|error| {
        io::Error::new(error.kind(), format!("`{}` in `{}`: {error}", job.program.display(), job.folder.display()))
    })?;
    Ok(Pid::from_raw(i32::try_from(child.id()).map_err(io::Error::other)?))
}

/// A file in memory that holds this text.
fn input(text: &str) -> io::Result<File> {
    let name = CString::new("input")?;
    let mut file = File::from(rustix::fs::memfd_create(&name, rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Reaps whatever ends until the program has; its exit code. What it left behind ends with this process.
fn reap(program: Pid) -> i32 {
    loop {
        match waitpid(None, None) {
            Ok(WaitStatus::Exited(pid, code)) if pid == program => return code,
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid == program => return 128 + signal as i32,
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return 1,
        }
    }
}

/// Files of the kernel's own take a value in one `write`.
fn tell_kernel(path: &str, text: &str) -> io::Result<()> {
    File::options().write(true).open(path)?.write_all(text.as_bytes())
}
