//! The worker process: it accepts and serves, by the last table that it was given.

mod accept;
mod channel;
mod commands;
mod drained;
mod finish;
mod kept;
mod listeners;
mod server;

use crate::access_log::AccessLog;
use crate::control::{self, ChannelEvent, LineChannel, worker_socket};
use crate::limits::Limits;
use crate::{Gateway, log, pool};
use listeners::Listeners;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::ffi::OsString;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

/// Says how many threads serve; 1: no other thread is involved.
const THREADS_VARIABLE: &str = "SEAWORTHY_GATEWAY_THREADS";

/// What every part of a worker shares.
pub(crate) struct Worker {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) listeners: Listeners,
    pub(crate) kept: kept::KeptTable,
    /// One table at a time.
    pub(crate) applying: tokio::sync::Mutex<()>,
    pub(crate) finish: finish::Finish,
}

/// Runs a worker until it is told to finish. `args` are those after the words that chose this role:
/// `--runtime-dir DIR --state-dir DIR`. Its standard input is the parent's channel.
#[must_use]
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let result = parse(args).and_then(|(runtime_dir, state_dir)| {
        raise_descriptor_limit();
        let runtime = runtime().map_err(|error| format!("no threads: {error}"))?;
        let ended = runtime.block_on(run(runtime_dir, state_dir));
        // Connections that did not end in time do not keep the process.
        runtime.shutdown_background();
        ended
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            log::line("worker", format_args!("{message}"));
            ExitCode::FAILURE
        }
    }
}

/// Takes as many descriptors as the system gives: every connection is one, or two.
pub(crate) fn raise_descriptor_limit() {
    if let Ok((_, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}

fn parse(args: impl IntoIterator<Item = OsString>) -> Result<(PathBuf, PathBuf), String> {
    let (mut runtime_dir, mut state_dir) = (None, None);
    let mut args = args.into_iter();
    while let (Some(name), value) = (args.next(), args.next()) {
        match (name.to_str(), value) {
            (Some("--runtime-dir"), Some(value)) => runtime_dir = Some(PathBuf::from(value)),
            (Some("--state-dir"), Some(value)) => state_dir = Some(PathBuf::from(value)),
            _ => return Err(format!("unknown argument `{}`", name.display())),
        }
    }
    Ok((runtime_dir.ok_or("`--runtime-dir` is missing")?, state_dir.ok_or("`--state-dir` is missing")?))
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    let wanted = std::env::var(THREADS_VARIABLE).ok().and_then(|count| count.parse().ok());
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let mut builder = match wanted.unwrap_or_else(cores) {
        0 | 1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            builder.worker_threads(threads);
            builder
        }
    };
    builder.enable_all().max_blocking_threads(16).thread_name("gateway").build()
}

async fn run(runtime_dir: PathBuf, state_dir: PathBuf) -> Result<(), String> {
    let access_log =
        AccessLog::open(&state_dir.join("access.log")).map_err(|error| format!("no access log: {error}"))?;
    let gateway = Gateway::new(access_log, Limits::DEFAULT);
    let kept = kept::KeptTable::new(&state_dir);
    if let Some(table) = kept.load() {
        gateway.apply(&table);
    }
    let socket = control::bind(&worker_socket(&runtime_dir)).map_err(|error| format!("no control socket: {error}"))?;
    let worker = Arc::new(Worker {
        listeners: Listeners::new(gateway.clone()),
        gateway,
        kept,
        applying: tokio::sync::Mutex::default(),
        finish: finish::Finish::default(),
    });
    let server = server::serve(worker.clone(), socket).map_err(|error| format!("no control socket: {error}"))?;
    tokio::spawn(server);
    tokio::spawn(pool::health::watch(worker.gateway.clone()));
    tokio::spawn(drained::close_overdue(worker.gateway.clone()));
    follow_parent(&worker)?;
    worker.finish.asked().await;
    finish::finish(&worker).await;
    Ok(())
}

/// Listens to the parent, and tells it that this worker serves.
fn follow_parent(worker: &Arc<Worker>) -> Result<(), String> {
    let input = std::io::stdin();
    let channel = input.as_fd().try_clone_to_owned().map_err(|error| format!("no channel to the parent: {error}"))?;
    let mut channel = LineChannel::new(UnixStream::from(channel));
    channel.send(&ChannelEvent::Ready, None).map_err(|error| format!("no channel to the parent: {error}"))?;
    channel::follow(channel, worker);
    Ok(())
}
