//! The parent's loop: commands in, one worker alive.

use super::adoption::Orphan;
use super::options::Options;
use super::process::{HeldListener, WorkerProcess};
use super::termination;
use crate::control::{LineChannel, parent_socket};
use crate::log;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

/// The loop turns at least this often: a signal may come just before `poll`.
const TURN: Duration = Duration::from_millis(500);
/// The pause before the second restart in a row; it doubles.
const PAUSE_SHORTEST: Duration = Duration::from_millis(50);
/// The longest pause.
const PAUSE_LONGEST: Duration = Duration::from_secs(2);
/// A worker that lived this long died of something new.
const LIVED_WELL: Duration = Duration::from_secs(10);
/// How long workers may take to finish when the gateway stops; then they have a moment to end.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How long a worker may take to finish when another has taken its place.
const SUCCEED_WITHIN: Duration = Duration::from_secs(120);
/// From a worker's last moment to its being ended.
const OVERDUE: Duration = Duration::from_secs(5);
/// How many may talk to the parent at once.
const CLIENTS_MAX: usize = 32;

/// The whole state of the parent.
#[derive(Debug)]
pub(super) struct Supervisor {
    pub(super) options: Options,
    control: UnixListener,
    clients: Vec<LineChannel>,
    pub(super) listeners: BTreeMap<String, HeldListener>,
    pub(super) worker: Option<WorkerProcess>,
    /// Started by `restart-worker`; takes over when it serves.
    pub(super) successor: Option<WorkerProcess>,
    pub(super) draining: Vec<WorkerProcess>,
    orphan: Option<Orphan>,
    pub(super) restarts: u64,
    pause: Duration,
    start_at: Option<Instant>,
    stop_by: Option<Instant>,
}

impl Supervisor {
    /// Binds the control socket and takes over what a dead parent left.
    pub(super) fn new(options: Options) -> io::Result<Self> {
        termination::watch();
        crate::worker::raise_descriptor_limit();
        let control = crate::control::bind(&parent_socket(&options.runtime_dir))?;
        control.set_nonblocking(true)?;
        let (orphan, listeners) = Orphan::find(&options.runtime_dir).map_or((None, Vec::new()), |(o, l)| (Some(o), l));
        Ok(Self {
            options,
            control,
            clients: Vec::new(),
            listeners: listeners.into_iter().map(|listener| (listener.entry.id.clone(), listener)).collect(),
            worker: None,
            successor: None,
            draining: Vec::new(),
            orphan,
            restarts: 0,
            pause: Duration::ZERO,
            start_at: Some(Instant::now()),
            stop_by: None,
        })
    }

    /// Runs until it is told to stop and every worker has ended.
    pub(super) fn run(mut self) -> io::Result<()> {
        loop {
            self.start_if_due();
            if self.stop_by.is_some() && self.worker.is_none() && self.draining.is_empty() {
                return Ok(());
            }
            self.wait()?;
            if termination::asked() {
                self.stop();
            }
            self.accept_clients();
            self.serve_clients();
            self.read_workers();
            self.end_overdue();
        }
    }

    /// Starts a successor; the worker of now goes on until that one serves.
    pub(super) fn replace_worker(&mut self, program: Option<std::path::PathBuf>) -> io::Result<()> {
        let mut options = self.options.clone();
        options.program = program.or(options.program);
        let successor = WorkerProcess::start(&options, self.listeners.values())?;
        if let Some(older) = self.successor.replace(successor) {
            older.end();
        }
        self.options = options;
        Ok(())
    }

    /// Asks every worker to finish and end.
    pub(super) fn stop(&mut self) {
        if self.stop_by.is_some() {
            return;
        }
        log::line("parent", format_args!("stopping"));
        self.stop_by = Some(Instant::now() + STOP_WITHIN + OVERDUE);
        self.start_at = None;
        self.draining.extend(self.worker.take().into_iter().chain(self.successor.take()));
        self.draining.iter_mut().for_each(|worker| worker.finish(STOP_WITHIN));
        if let Some(orphan) = self.orphan.take() {
            orphan.drain();
        }
    }

    fn start_if_due(&mut self) {
        if self.worker.is_some() || self.start_at.is_none_or(|at| at > Instant::now()) {
            return;
        }
        match WorkerProcess::start(&self.options, self.listeners.values()) {
            Ok(worker) => {
                self.worker = Some(worker);
                self.start_at = None;
            }
            Err(error) => {
                log::line("parent", format_args!("no worker can be started: {error}"));
                self.options.program = None;
                self.schedule_start();
            }
        }
    }

    fn schedule_start(&mut self) {
        self.start_at = Some(Instant::now() + self.pause);
        self.pause = (self.pause * 2).clamp(PAUSE_SHORTEST, PAUSE_LONGEST);
    }

    fn wait(&self) -> io::Result<()> {
        let channels = self.worker.iter().chain(&self.successor).chain(&self.draining).map(|worker| &worker.channel);
        let mut watched = vec![PollFd::new(self.control.as_fd(), PollFlags::POLLIN)];
        watched.extend(channels.chain(&self.clients).map(|channel| PollFd::new(channel.as_fd(), PollFlags::POLLIN)));
        let until = self.start_at.map_or(TURN, |at| at.saturating_duration_since(Instant::now()).min(TURN));
        let timeout = PollTimeout::try_from(until + Duration::from_millis(1)).unwrap_or(PollTimeout::ZERO);
        match poll(&mut watched, timeout) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn accept_clients(&mut self) {
        while self.clients.len() < CLIENTS_MAX {
            let Ok((stream, _)) = self.control.accept() else { return };
            let _ = stream.set_write_timeout(Some(Duration::from_secs(1)));
            if stream.set_nonblocking(true).is_ok() {
                self.clients.push(LineChannel::new(stream));
            }
        }
    }

    fn serve_clients(&mut self) {
        for mut client in std::mem::take(&mut self.clients) {
            let open = client.fill().unwrap_or(false);
            while let Some(line) = client.next_line() {
                self.command(&mut client, &line);
            }
            if open {
                self.clients.push(client);
            }
        }
    }

    fn read_workers(&mut self) {
        if let Some(mut worker) = self.worker.take() {
            if worker.read_if_there() {
                self.worker = Some(worker);
            } else {
                self.worker_died(worker);
            }
        }
        if let Some(mut successor) = self.successor.take() {
            match (successor.read_if_there(), successor.ready) {
                (false, _) => {
                    let (id, end) = (successor.id(), successor.end());
                    log::line(
                        "parent",
                        format_args!("the new worker {id} did not come to serve ({end}); the old one stays"),
                    );
                    self.options.program = None;
                }
                (true, true) => self.succeed(successor),
                (true, false) => self.successor = Some(successor),
            }
        }
        for mut worker in std::mem::take(&mut self.draining) {
            if worker.read_if_there() {
                self.draining.push(worker);
            } else {
                log::line("parent", format_args!("worker {} has finished", worker.id()));
                worker.end();
            }
        }
        if self.worker.as_ref().is_some_and(|worker| worker.ready)
            && let Some(orphan) = self.orphan.take()
        {
            orphan.drain();
        }
    }

    fn succeed(&mut self, successor: WorkerProcess) {
        if let Some(mut old) = self.worker.replace(successor) {
            old.finish(SUCCEED_WITHIN);
            self.draining.push(old);
        }
        self.start_at = None;
    }

    fn worker_died(&mut self, worker: WorkerProcess) {
        let (id, lived) = (worker.id(), worker.started.elapsed());
        let end = worker.end();
        log::line("parent", format_args!("worker {id} died after {lived:?}: {end}"));
        self.restarts += 1;
        if lived >= LIVED_WELL {
            self.pause = Duration::ZERO;
        }
        self.schedule_start();
    }

    fn end_overdue(&mut self) {
        if self.stop_by.is_some_and(|by| Instant::now() >= by) {
            for worker in self.draining.drain(..) {
                log::line("parent", format_args!("worker {} does not end by itself", worker.id()));
                worker.end();
            }
        }
    }
}
