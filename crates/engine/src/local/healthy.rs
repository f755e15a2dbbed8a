//! Waiting until instances are healthy, for a time and not once.

use super::engine::Engine;
use super::keeper::EVIDENCE_LINES;
use super::live::{Live, View, is_crash_loop};
use crate::events::Happening;
use crate::probe;
use crate::wire::{ShimPhase, ShimState};
use futures_util::future::try_join_all;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_model::pool::PoolSpec;
use seaworthy_model::service::{Health, Port};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, timeout};

const LOOK_FIRST: Duration = Duration::from_millis(5);
const LOOK_LONGEST: Duration = Duration::from_millis(200);

pub(super) async fn healthy(engine: &Arc<Engine>, spec: &PoolSpec) -> Result<(), Diagnostic> {
    let instances = (0..spec.tuning.replicas).map(|slot| async move {
        let id = spec.id.instance(slot);
        let Some(live) = engine.live(&id) else {
            return Err(Diagnostic::new(Fault::Seaworthy, format!("the instance `{id}` was never started")));
        };
        Watch::new(engine, spec, &live).healthy().await
    });
    try_join_all(instances).await.map(drop)
}

/// One instance under watch.
struct Watch<'a> {
    engine: &'a Engine,
    spec: &'a PoolSpec,
    live: &'a Live,
    started: Instant,
    /// Since when every look has found it healthy.
    healthy_since: Option<Instant>,
    /// What the last look found wrong.
    problem: String,
    /// How often the program had ended at the last look.
    exits: Option<(u32, u64)>,
    pause: Duration,
}

impl<'a> Watch<'a> {
    fn new(engine: &'a Engine, spec: &'a PoolSpec, live: &'a Live) -> Self {
        let problem = "it has not been looked at yet".to_owned();
        let started = Instant::now();
        Self { engine, spec, live, started, healthy_since: None, problem, exits: None, pause: LOOK_FIRST }
    }

    async fn healthy(mut self) -> Result<(), Diagnostic> {
        let mut changes = self.live.view.subscribe();
        loop {
            let view = changes.borrow_and_update().clone();
            if let Some(problem) = view.problem {
                return Err(*problem);
            }
            if let Some(state) = view.shim.as_ref().filter(|state| is_crash_loop(state)) {
                return Err(self.crash_loop(state));
            }
            let found = self.look(&view).await;
            if self.is_healthy(found) {
                return Ok(());
            }
            self.check_time()?;
            let pause = self.healthy_since.map_or(self.pause, |since| {
                let left = self.spec.tuning.healthy_for.saturating_sub(since.elapsed());
                left.min(LOOK_LONGEST)
            });
            self.pause = (self.pause * 3 / 2).min(LOOK_LONGEST);
            // A change (an exit, a restart) is a reason to look at once.
            let _ = timeout(pause, changes.changed()).await;
        }
    }

    async fn look(&mut self, view: &View) -> Result<Option<SocketAddr>, String> {
        let Some(state) = &view.shim else { return Err("it is being started".to_owned()) };
        let exits = Some((state.exits_in_a_row, state.restarts));
        if self.exits != exits {
            self.exits = exits;
            self.healthy_since = None;
            self.pause = LOOK_FIRST;
        }
        if state.program.is_none() || state.phase != ShimPhase::Running {
            let how = state.last_exit.as_ref().map_or_else(String::new, |exit| format!(" ({})", exit.how));
            return Err(format!("its program has ended{how} and is started again"));
        }
        probe::look(&self.spec.health, view.address.map(|address| address.port()), self.live.entrance.as_deref()).await
    }

    /// Takes note of what a look found; true when it has been healthy for long enough.
    fn is_healthy(&mut self, found: Result<Option<SocketAddr>, String>) -> bool {
        let address = match found {
            Ok(address) => address,
            Err(problem) => {
                self.problem = problem;
                self.healthy_since = None;
                return false;
            }
        };
        let since = *self.healthy_since.get_or_insert_with(Instant::now);
        if since.elapsed() < self.spec.tuning.healthy_for {
            return false;
        }
        let known = self.live.view.borrow().address;
        if let Some(address) = address.filter(|_| address != known) {
            let _ = self.engine.database.set_ipv6(&self.live.id, address.is_ipv6());
        }
        let is_first = self.live.view.send_if_modified(|view| {
            view.address = address.or(view.address);
            !std::mem::replace(&mut view.was_healthy, true)
        });
        if is_first {
            self.engine.tell(self.spec, &self.live.id, Happening::Healthy);
        }
        true
    }

    fn check_time(&self) -> Result<(), Diagnostic> {
        let tuning = &self.spec.tuning;
        let passed = self.started.elapsed();
        let late =
            if self.healthy_since.is_some() { tuning.start_timeout + tuning.healthy_for } else { tuning.start_timeout };
        if passed <= late {
            return Ok(());
        }
        let seconds = tuning.start_timeout.as_secs_f64();
        let message = format!("`{}` was not healthy within {seconds} s: {}", self.spec.service, self.problem);
        Err(Diagnostic::service(message).evidence(self.last_lines()).help(self.help()))
    }

    fn crash_loop(&self, state: &ShimState) -> Diagnostic {
        let how = state.last_exit.as_ref().map_or_else(String::new, |exit| format!(", last with {}", exit.how));
        let count = state.exits_in_a_row;
        Diagnostic::service(format!("`{}` ended {count} times before it was healthy{how}", self.spec.service))
            .evidence(self.last_lines())
            .help(format!("its last lines are above; `seaworthy logs` shows more, `run` is {:?}", self.spec.run))
    }

    fn last_lines(&self) -> Vec<String> {
        self.engine.last_lines(self.spec, &self.live.id.0, EVIDENCE_LINES)
    }

    fn help(&self) -> String {
        let Port::Given = self.spec.port else {
            return "see its last lines above; `start_timeout` is how long it may take".to_owned();
        };
        match &self.spec.health {
            Health::Path(path) => format!(
                "it must listen on 127.0.0.1:$PORT and answer {path} with 200 to 399; set `port` if it listens \
                 elsewhere, `health` for another page, `start_timeout` if it needs longer"
            ),
            Health::Connect | Health::Alive => {
                "it must listen on 127.0.0.1:$PORT; set `port` if it listens on a number \
                of its own, `port = false` if on none, `start_timeout` if it needs longer"
                    .to_owned()
            }
        }
    }
}
