//! A target, a carrier of traffic, a journal and checks in memory, which fail or hang at the call that a test names,
//! and which notice whenever a user is let down.

use super::name;
use seaworthy_deploy::counters::Counters;
use seaworthy_deploy::event::Event;
use seaworthy_deploy::executor::Executor;
use seaworthy_deploy::journal::{Entry, Journal, Standing};
use seaworthy_deploy::planner::EnvironmentState;
use seaworthy_deploy::step::SmokeCheck;
use seaworthy_deploy::{Smoke, Target, Traffic};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::{Outcome, Revision};
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::service::Port;
use seaworthy_model::traffic::EnvironmentTraffic;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

/// What goes wrong, once, at a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails and has done nothing.
    FailBefore,
    /// It fails and has done everything.
    FailAfter,
    /// The process dies before the call does anything.
    KillBefore,
    /// The process dies when the call has done everything.
    KillAfter,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// Instances by pool: how many, and whether they are healthy.
    pub(crate) instances: BTreeMap<PoolId, (u16, bool)>,
    pub(crate) traffic: Option<EnvironmentTraffic>,
    pub(crate) counters: Counters,
    pub(crate) entries: Vec<Entry>,
    pub(crate) standing: Option<Standing>,
    pub(crate) events: Vec<Event>,
    /// Every call so far, in words.
    pub(crate) calls: Vec<String>,
    /// The calls that go wrong, by number.
    pub(crate) faults: BTreeMap<usize, Fault>,
    /// Calls that begin so always fail.
    pub(crate) always_fails: Option<&'static str>,
    /// Pools that never become healthy.
    pub(crate) sick: BTreeSet<PoolId>,
    /// What every listening pool is for: so that the fake knows who is reached.
    pub(crate) workers: BTreeSet<PoolId>,
    /// Why the check that runs again and again fails.
    pub(crate) failing: Option<Diagnostic>,
    /// How often the checks ran again.
    pub(crate) repeats: u32,
    pub(crate) dead: bool,
    /// How users were let down.
    pub(crate) let_down: Vec<String>,
    /// False while a reboot is survived: then nobody is served anyway.
    pub(crate) users: bool,
}

/// Everything outside the executor.
#[derive(Clone)]
pub(crate) struct Outside {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) killed: Arc<Notify>,
}

pub(crate) type FakeExecutor = Executor<Outside, Outside, Outside, Outside>;

impl Outside {
    /// As a planner's state says.
    pub(crate) fn new(environment: &EnvironmentState, others: &[&Revision]) -> Self {
        let mut state = State { users: true, ..State::default() };
        let revisions = environment.running.iter().chain(&environment.leaving).chain(others.iter().copied());
        for pool in revisions.flat_map(|revision| revision.pools.values()) {
            if pool.port == Port::None {
                state.workers.insert(pool.id.clone());
            }
            if environment.alive.contains(&pool.id) {
                state.instances.entry(pool.id.clone()).or_insert((pool.tuning.replicas, true));
            }
        }
        Self { state: Arc::new(Mutex::new(state)), killed: Arc::new(Notify::new()) }
    }

    pub(crate) fn executor(&self) -> FakeExecutor {
        let this = Arc::new(self.clone());
        Executor { target: this.clone(), traffic: this.clone(), journal: this.clone(), smoke: this }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds this")
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        self.lock().standing.as_ref().map(|standing| standing.outcome)
    }

    /// From here on nothing that the process does has an effect.
    fn die(&self) {
        let was_dead = std::mem::replace(&mut self.lock().dead, true);
        if !was_dead {
            self.killed.notify_one();
        }
    }

    /// Another process.
    pub(crate) fn revive(&self) {
        self.lock().dead = false;
    }

    /// A call that does not wait.
    fn write(&self, text: &str, effect: impl FnOnce(&mut State)) -> Result<(), Diagnostic> {
        let fault = self.lock().happen(text, effect);
        if matches!(fault, Some(Fault::KillBefore | Fault::KillAfter)) {
            self.die();
        }
        fault.map_or(Ok(()), |_| Err(failure(text)))
    }

    /// One call: goes wrong if it is its turn, else has its effect.
    async fn call(&self, text: String, effect: impl FnOnce(&mut State)) -> Result<(), Diagnostic> {
        let fault = self.lock().happen(&text, effect);
        match fault {
            None => {}
            Some(Fault::FailBefore | Fault::FailAfter) => return Err(failure(&text)),
            Some(Fault::KillBefore | Fault::KillAfter) => {
                self.die();
                std::future::pending::<()>().await;
            }
        }
        // Real calls let others run.
        tokio::task::yield_now().await;
        Ok(())
    }
}

fn failure(text: &str) -> Diagnostic {
    Diagnostic::machine(format!("`{text}` failed"))
}

impl State {
    fn happen(&mut self, text: &str, effect: impl FnOnce(&mut Self)) -> Option<Fault> {
        if self.dead {
            return Some(Fault::KillBefore);
        }
        let number = self.calls.len();
        self.calls.push(text.to_owned());
        if self.always_fails.is_some_and(|start| text.starts_with(start)) {
            return Some(Fault::FailBefore);
        }
        let fault = self.faults.get(&number).copied();
        if !matches!(fault, Some(Fault::FailBefore | Fault::KillBefore)) {
            effect(self);
            self.look(text);
        }
        fault
    }

    /// Whether every user's request is answered now, or waits.
    fn look(&mut self, after: &str) {
        let Some(traffic) = self.traffic.as_ref().filter(|_| self.users) else { return };
        for variant in traffic.variants.iter().filter(|variant| variant.weight > 0) {
            for pool in variant.pools.values().filter(|pool| !self.workers.contains(*pool)) {
                let answering = traffic.answered_by.get(pool).unwrap_or(pool);
                let is_healthy = self.instances.get(answering).is_some_and(|known| known.1);
                if !traffic.held.contains(pool) && !is_healthy {
                    self.let_down.push(format!("after `{after}`: {pool} of revision {}", variant.revision));
                }
            }
        }
    }
}

impl Target for Outside {
    async fn before(&self, _: u64, pool: &PoolSpec) -> Result<(), Diagnostic> {
        self.call(format!("before {}", pool.id), |_| {}).await
    }

    async fn start(&self, pool: &PoolSpec) -> Result<(), Diagnostic> {
        let replicas = pool.tuning.replicas;
        self.call(format!("start {}", pool.id), |state| {
            state.instances.entry(pool.id.clone()).or_insert((replicas, false)).0 = replicas;
        })
        .await
    }

    async fn healthy(&self, pool: &PoolSpec) -> Result<(), Diagnostic> {
        tokio::time::sleep(pool.tuning.healthy_for).await;
        let text = format!("healthy {}", pool.id);
        if self.lock().sick.contains(&pool.id) {
            return Err(failure(&text));
        }
        self.call(text, |state| {
            if let Some(known) = state.instances.get_mut(&pool.id) {
                known.1 = true;
            }
        })
        .await
    }

    async fn stop(&self, pool: &PoolId) -> Result<(), Diagnostic> {
        self.call(format!("stop {pool}"), |state| {
            state.instances.remove(pool);
        })
        .await
    }

    async fn pools(&self, _: &Name, _: &Name) -> Result<Vec<PoolId>, Diagnostic> {
        Ok(self.lock().instances.keys().cloned().collect())
    }
}

impl Traffic for Outside {
    async fn apply(&self, traffic: &EnvironmentTraffic) -> Result<(), Diagnostic> {
        let weights: Vec<String> = traffic.variants.iter().map(|v| format!("{}:{}", v.revision, v.weight)).collect();
        self.call(format!("apply {}", weights.join(" ")), |state| state.traffic = Some(traffic.clone())).await
    }

    async fn current(&self, _: &Name, _: &Name) -> Result<Option<EnvironmentTraffic>, Diagnostic> {
        Ok(self.lock().traffic.clone())
    }

    async fn counters(&self) -> Result<Counters, Diagnostic> {
        let mut state = self.lock();
        // Some requests come to every pool meanwhile; `sick` ones fail.
        let pools: Vec<PoolId> = state.instances.keys().cloned().collect();
        for pool in pools {
            let is_sick = state.sick.contains(&pool);
            let counters = state.counters.entry(pool).or_default();
            counters.requests += 100;
            counters.errors += if is_sick { 50 } else { 0 };
        }
        Ok(state.counters.clone())
    }

    async fn quiet(&self, pool: &PoolId, at_most: Duration) {
        tokio::time::sleep(at_most / 2).await;
        // What cannot be asked is not waited for.
        let _ = self.call(format!("quiet {pool} {at_most:?}"), |_| {}).await;
    }

    async fn drained(&self, pools: &[PoolId], drain: Duration) -> Result<(), Diagnostic> {
        tokio::time::sleep(drain / 2).await;
        self.call(format!("drained {pools:?}"), |_| {}).await
    }
}

impl Journal for Outside {
    fn record(&self, _: u64, entry: &Entry) -> Result<(), Diagnostic> {
        self.write(&format!("record {entry:?}"), |state| state.entries.push(entry.clone()))
    }

    fn event(&self, _: u64, event: &Event) {
        self.lock().events.push(event.clone());
    }

    fn outcome(&self, _: u64, standing: &Standing) -> Result<(), Diagnostic> {
        self.write(&format!("outcome {:?}", standing.outcome), |state| state.standing = Some(standing.clone()))
    }
}

impl Smoke for Outside {
    async fn run(&self, _: u64, revision: &Revision, checks: &[SmokeCheck]) -> Result<Vec<String>, Diagnostic> {
        let pinned = self.lock().traffic.as_ref().and_then(|traffic| traffic.pinned);
        assert_eq!(pinned, Some(revision.number), "checks run pinned");
        self.call(format!("smoke {}", revision.number), |_| {}).await?;
        Ok(checks.iter().map(|check| format!("{}: fine", check.check.file)).collect())
    }

    async fn repeat(&self, _: &Revision, checks: &[SmokeCheck]) -> Result<BTreeMap<String, Diagnostic>, Diagnostic> {
        assert!(checks.iter().all(|check| check.check.is_harmless()), "{checks:?}");
        let mut state = self.lock();
        state.repeats += 1;
        let failing = state.failing.clone().into_iter();
        Ok(failing.map(|failure| ("web.hurl".to_owned(), failure)).collect())
    }
}

/// Asserts that exactly this revision runs and has all traffic, and that nobody was let down on the way.
pub(crate) fn assert_serves(outside: &Outside, revision: Option<&Revision>, context: &str) {
    let state = outside.lock();
    let shown = || format!("{context}\ncalls: {:#?}", state.calls);
    let pools = revision.iter().flat_map(|revision| revision.pools.values());
    let wanted: BTreeMap<PoolId, (u16, bool)> =
        pools.map(|pool| (pool.id.clone(), (pool.tuning.replicas, true))).collect();
    assert_eq!(state.instances, wanted, "{}", shown());
    let traffic = state.traffic.as_ref().expect("traffic was applied");
    let weights: Vec<(u64, u8)> = traffic.variants.iter().map(|v| (v.revision, v.weight)).collect();
    assert_eq!(weights, revision.iter().map(|r| (r.number, 100)).collect::<Vec<_>>(), "{}", shown());
    assert!(traffic.held.is_empty() && traffic.answered_by.is_empty() && traffic.pinned.is_none(), "{}", shown());
    assert!(traffic.variants.iter().all(|v| Some(&v.routes) == revision.map(|r| &r.routes)), "{}", shown());
    assert!(state.let_down.is_empty(), "{:?}\n{}", state.let_down, shown());
    assert_eq!(traffic.app, name("shop"));
}
