//! The shim's loop: one `poll` for signals, pipes, the control socket and the clock.

use super::back_off::BackOff;
use super::control::{Asked, Control};
use super::entrance::Entrance;
use super::launch::{self, Launched};
use super::pipes::Pipes;
use super::resolver::Resolver;
use super::signals::Signals;
use super::state;
use crate::logs::LogWriter;
use crate::wire::{Exit, ExitKind, Isolation, Message, Mode, ShimEvent, ShimPhase, ShimSpec, ShimState, VERSION, Want};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use seaworthy_host::clock;
use seaworthy_host::process::{self, Signal};
use std::io;
use std::str::FromStr as _;
use std::time::{Duration, Instant};

/// How often what is left of a program is killed until nothing is left.
const KILL_EVERY: Duration = Duration::from_millis(20);
/// How long the shim waits for killed processes to go (one in an uninterruptible sleep may never).
const KILL_FOR: Duration = Duration::from_secs(10);
/// How often an exit that could not be written is tried again, and for how long.
const WRITE_EVERY: Duration = Duration::from_secs(1);
const WRITE_FOR: Duration = Duration::from_secs(600);

/// What happens next, and when.
enum Phase {
    /// The program runs.
    Running { since: Instant },
    /// The program has ended; what it left behind is killed, then it is started again (or the shim ends).
    Clearing { give_up: Instant, wait: Duration },
    /// The program is started again at this time.
    Waiting { until: Instant },
    /// The program was asked to end.
    Stopping { kill_at: Instant },
    /// Everything is killed until nothing is left.
    Killing { give_up: Instant },
    /// The exit of a command is being written down.
    Recording { give_up: Instant, next: Instant },
    /// There is nothing more to do.
    Done,
}

pub(super) struct Shim {
    spec: ShimSpec,
    state: ShimState,
    launched: Option<Launched>,
    phase: Phase,
    back_off: BackOff,
    signals: Signals,
    pipes: Pipes,
    log: LogWriter,
    control: Control,
    entrance: Option<Entrance>,
    resolver: Option<Resolver>,
}

impl Shim {
    /// Starts the program; an error means that nothing was started.
    pub(super) fn start(spec: ShimSpec) -> io::Result<Self> {
        let pid = std::process::id();
        let mut shim = Self {
            state: ShimState {
                version: VERSION,
                instance: spec.instance.clone(),
                token: spec.token.clone(),
                boot_id: process::boot_id(),
                shim_pid: pid,
                shim_start_time: process::start_time(pid).unwrap_or(0),
                program: None,
                phase: ShimPhase::Running,
                restarts: 0,
                exits_in_a_row: 0,
                last_exit: None,
                dropped_lines: 0,
                unknown_names: Vec::new(),
            },
            launched: None,
            phase: Phase::Running { since: Instant::now() },
            back_off: BackOff::new(spec.back_off),
            signals: Signals::install()?,
            pipes: Pipes::new()?,
            log: LogWriter::new(spec.log.clone(), spec.log_limits),
            control: Control::listen(&spec.socket)?,
            entrance: spec.network.as_ref().map(furnish).transpose()?,
            // Who says what is missing must not be why a service does not run.
            resolver: resolver(&spec).unwrap_or_default(),
            spec,
        };
        if let Some(user) = shim.spec.user {
            shim.pipes.give_to(user)?;
        }
        shim.launch()?;
        shim.write_state();
        Ok(shim)
    }

    fn launch(&mut self) -> io::Result<()> {
        let launched = launch::launch(&self.spec, &self.pipes)?;
        self.state.program = Some(launched.program.clone());
        self.launched = Some(launched);
        Ok(())
    }

    pub(super) fn run(mut self) {
        while !matches!(self.phase, Phase::Done) {
            self.wait();
            self.signals.drain();
            self.pipes.pump(&mut self.log);
            if let Some(entrance) = &mut self.entrance {
                entrance.serve();
            }
            self.answer_for_names();
            for asked in self.control.read() {
                self.handle(asked);
            }
            if Signals::asked_to_end() && matches!(self.state.phase, ShimPhase::Running | ShimPhase::Waiting) {
                self.stop(self.spec.grace);
            }
            let any_left = self.reap();
            self.advance(any_left);
        }
        self.pipes.pump(&mut self.log);
        self.pipes.finish_lines(&mut self.log);
        self.state.phase = ShimPhase::Ended;
        self.publish(ShimEvent::Ended);
    }

    /// Sleeps until something happens or the phase has something to do.
    fn wait(&self) {
        let next = match self.phase {
            Phase::Running { .. } | Phase::Done => None,
            Phase::Clearing { .. } | Phase::Killing { .. } => Some(Instant::now() + KILL_EVERY),
            Phase::Waiting { until } => Some(until),
            Phase::Stopping { kill_at } => Some(kill_at),
            Phase::Recording { next, .. } => Some(next),
        };
        let timeout = match next {
            None => PollTimeout::NONE,
            // Rounded up: waking too early would mean going round for the last millisecond.
            Some(at) => {
                let left = at.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
                PollTimeout::try_from(i32::try_from(left).unwrap_or(i32::MAX)).unwrap_or(PollTimeout::MAX)
            }
        };
        let all = std::iter::once(self.signals.descriptor());
        let all = all.chain(self.pipes.descriptors()).chain(self.control.descriptors());
        let all = all.chain(self.entrance.iter().flat_map(Entrance::descriptors));
        let all = all.chain(self.resolver.iter().map(Resolver::descriptor));
        let mut descriptors: Vec<PollFd<'_>> = all.map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        let _ = poll(&mut descriptors, timeout); // an interruption is a reason to look, too
    }

    fn answer_for_names(&mut self) {
        let Some(resolver) = &self.resolver else { return };
        if resolver.serve(&mut self.state.unknown_names, &mut self.log) {
            self.publish(ShimEvent::NotDeclared);
        }
    }

    fn handle(&mut self, asked: Asked) {
        let id = asked.connection;
        let event = match asked.request.map(|request| request.what) {
            Err(why) => ShimEvent::Refused(why),
            Ok(Want::Hello) => ShimEvent::Answer,
            Ok(Want::Events) => {
                self.control.subscribe(id);
                ShimEvent::Answer
            }
            Ok(Want::Stop { grace_ms }) => {
                self.stop(Duration::from_millis(grace_ms));
                ShimEvent::Answer
            }
            Ok(Want::Signal { signal }) => match Signal::from_str(&signal) {
                Ok(signal) => {
                    self.signal_program(signal);
                    ShimEvent::Answer
                }
                Err(_) => ShimEvent::Refused(format!("there is no signal `{signal}`")),
            },
        };
        let message = self.message(event);
        self.control.answer(id, &message);
    }

    /// Begins the end; asked again, a shorter grace time counts.
    fn stop(&mut self, grace: Duration) {
        let kill_at = Instant::now() + grace;
        match &mut self.phase {
            Phase::Stopping { kill_at: planned } => *planned = kill_at.min(*planned),
            Phase::Killing { .. } | Phase::Recording { .. } | Phase::Done => {}
            Phase::Waiting { .. } => self.phase = Phase::Done,
            Phase::Running { .. } | Phase::Clearing { .. } => {
                self.phase = Phase::Stopping { kill_at };
                self.state.phase = ShimPhase::Stopping;
                self.signal_program(Signal::SIGTERM);
                self.publish(ShimEvent::Stopping);
            }
        }
    }

    fn signal_program(&self, signal: Signal) {
        if let Some(program) = &self.state.program {
            let _ = process::signal_group(program.pid, signal);
        }
    }

    /// Takes note of every child that has ended; whether any is left. As a subreaper the shim is the parent of whatever
    /// the program leaves behind, so no child left means nothing left.
    fn reap(&mut self) -> bool {
        loop {
            let (pid, how) = match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                Ok(WaitStatus::Exited(pid, code)) => (pid, ExitKind::Code(code)),
                Ok(WaitStatus::Signaled(pid, signal, _)) => (pid, ExitKind::Signal(signal.to_string())),
                Ok(WaitStatus::StillAlive) => return true,
                Err(Errno::ECHILD) => return false,
                Ok(_) | Err(_) => continue,
            };
            if let Some(mut launched) = self.launched.take_if(|l| l.child == pid.as_raw().unsigned_abs()) {
                self.program_ended(launched.ended(how));
            }
        }
    }

    fn program_ended(&mut self, how: ExitKind) {
        let ran_for =
            match self.phase {
                Phase::Running { since } => since.elapsed(),
                _ => self.state.program.as_ref().map_or(Duration::ZERO, |program| {
                    clock::now().duration_since(program.started_at).unwrap_or_default()
                }),
            };
        self.pipes.pump(&mut self.log);
        self.pipes.finish_lines(&mut self.log);
        self.record_exit(how, ran_for);
        let wait = self.back_off.exited(ran_for);
        self.state.exits_in_a_row = self.back_off.exits_in_a_row();
        if let Phase::Running { .. } = self.phase {
            self.state.phase = if self.spec.mode == Mode::Service { ShimPhase::Waiting } else { ShimPhase::Stopping };
            self.phase = Phase::Clearing { give_up: Instant::now() + KILL_FOR, wait };
        }
        self.publish(ShimEvent::Exited);
    }

    fn record_exit(&mut self, how: ExitKind, ran_for: Duration) {
        self.state.program = None;
        self.state.last_exit = Some(Exit { how, at: clock::now(), ran_for });
    }

    /// Does what is due.
    fn advance(&mut self, any_left: bool) {
        let now = Instant::now();
        match self.phase {
            Phase::Running { .. } | Phase::Done => {}
            Phase::Clearing { give_up, wait } => {
                if any_left && now < give_up {
                    kill_all();
                } else if self.spec.mode == Mode::Once {
                    self.record(now + WRITE_FOR);
                } else {
                    self.phase = Phase::Waiting { until: now + wait };
                }
            }
            Phase::Waiting { until } if now >= until => self.start_again(),
            Phase::Waiting { .. } => {}
            Phase::Stopping { kill_at } => {
                if !any_left {
                    self.finish();
                } else if now >= kill_at {
                    self.phase = Phase::Killing { give_up: now + KILL_FOR };
                    kill_all();
                }
            }
            Phase::Killing { give_up } => {
                if any_left && now < give_up {
                    kill_all();
                } else {
                    self.finish();
                }
            }
            Phase::Recording { give_up, next } if now >= next => self.record(give_up),
            Phase::Recording { .. } => {}
        }
    }

    fn finish(&mut self) {
        match self.spec.mode {
            Mode::Service => self.phase = Phase::Done,
            Mode::Once => self.record(Instant::now() + WRITE_FOR),
        }
    }

    /// Writes the command's exit down; on a full disk it waits a while for space.
    fn record(&mut self, give_up: Instant) {
        let Some(exit) = &self.state.last_exit else { return self.phase = Phase::Done };
        let now = Instant::now();
        let done = state::write_exit(&self.spec, exit).is_ok() || now >= give_up;
        self.phase = if done { Phase::Done } else { Phase::Recording { give_up, next: now + WRITE_EVERY } };
    }

    fn start_again(&mut self) {
        match self.launch() {
            Ok(()) => {
                self.state.restarts += 1;
                self.state.phase = ShimPhase::Running;
                self.phase = Phase::Running { since: Instant::now() };
                self.write_state();
                self.publish(ShimEvent::Started);
            }
            Err(error) => {
                self.record_exit(ExitKind::NotStarted(error.to_string()), Duration::ZERO);
                let wait = self.back_off.exited(Duration::ZERO);
                self.state.exits_in_a_row = self.back_off.exits_in_a_row();
                self.phase = Phase::Waiting { until: Instant::now() + wait };
                self.publish(ShimEvent::Exited);
            }
        }
    }

    fn write_state(&self) {
        let _ = state::write_state(&self.spec, &self.state);
    }

    fn message(&mut self, event: ShimEvent) -> Message {
        self.state.dropped_lines = self.log.dropped();
        Message { version: VERSION, event, state: self.state.clone() }
    }

    fn publish(&mut self, event: ShimEvent) {
        let message = self.message(event);
        self.control.publish(&message);
    }
}

/// Puts everything into the instance's network, in which this process is already, and opens the way into it.
#[cfg(target_os = "linux")]
fn furnish(network: &crate::wire::Network) -> io::Result<Entrance> {
    let listeners = crate::linux::network::prepare(network)?;
    Entrance::open(network, listeners)
}

#[cfg(not(target_os = "linux"))]
fn furnish(_: &crate::wire::Network) -> io::Result<Entrance> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Who answers for names, after the network is furnished.
fn resolver(spec: &ShimSpec) -> io::Result<Option<Resolver>> {
    match &spec.isolation {
        Isolation::Sandbox(sandbox) => Resolver::open(sandbox),
        Isolation::Process => Ok(None),
    }
}

/// Kills everything below the shim.
fn kill_all() {
    for pid in process::descendants(std::process::id()) {
        let _ = process::signal(pid, Signal::SIGKILL);
    }
}
