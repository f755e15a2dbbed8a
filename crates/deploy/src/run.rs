//! One deployment under way: its groups and steps, done once or for as long as it takes.

use crate::alive::alive;
use crate::control::Control;
use crate::event::Event;
use crate::executor::Executor;
use crate::journal::{Entry, Journal, Progress};
use crate::plan::{Group, Phase, Plan};
use crate::shape::traffic;
use crate::smoke::Smoke;
use crate::step::Step;
use crate::target::Target;
use crate::traffic::Traffic;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::pool::PoolSpec;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How many steps of a group run at once.
const STEPS_AT_ONCE: usize = 8;
/// How often a step that must not fail is tried before the next one has its turn.
const TRIES: u32 = 3;
/// The first pause between two tries.
pub(crate) const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(30);

/// Waits, and says how long to wait the next time.
pub(crate) async fn wait(pause: Duration) -> Duration {
    tokio::time::sleep(pause).await;
    (pause * 2).min(PAUSE_MAX)
}

/// One deployment under way.
pub(crate) struct Run<'a, T, R, J, S> {
    pub(crate) executor: &'a Executor<T, R, J, S>,
    pub(crate) deployment: u64,
    pub(crate) plan: &'a Plan,
    pub(crate) control: Control,
    /// How long what is resumed first has lasted already, in another process; taken by the first who asks.
    resumed_after: Mutex<Duration>,
}

impl<'a, T: Target, R: Traffic, J: Journal, S: Smoke> Run<'a, T, R, J, S> {
    pub(crate) fn new(executor: &'a Executor<T, R, J, S>, deployment: u64, plan: &'a Plan, control: Control) -> Self {
        Self { executor, deployment, plan, control, resumed_after: Mutex::default() }
    }

    /// The group that comes first was begun by another process, that long ago.
    pub(crate) fn resumes_after(&self, lasted: Duration) {
        *self.resumed_after.lock().unwrap_or_else(PoisonError::into_inner) = lasted;
    }

    /// What is left of a time that has to pass: what passed before this process resumed it counts.
    pub(crate) fn left(&self, during: Duration) -> Duration {
        during.saturating_sub(*self.resumed_after.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn event(&self, event: &Event) {
        self.executor.journal.event(self.deployment, event);
    }

    pub(crate) fn message(&self, text: &str, evidence: Vec<String>) {
        self.event(&Event::Message { text: text.to_owned(), evidence });
    }

    pub(crate) fn record(&self, entry: &Entry) -> Result<(), Diagnostic> {
        self.executor.journal.record(self.deployment, entry)
    }

    /// Starts what must run at this point of the deployment and does not: the machine may have been started again.
    pub(crate) async fn establish(&self, progress: &Progress) -> Result<(), Diagnostic> {
        let pools = alive(self.plan, progress);
        let started: Vec<_> = pools.iter().map(|pool| self.establish_pool(pool)).collect();
        let failures: Vec<(&PoolSpec, Diagnostic)> = at_once(started).await.into_iter().flatten().collect();
        let mut needed = None;
        for (pool, failure) in failures {
            self.message(&format!("cannot bring `{}` back", pool.service), vec![failure.to_string()]);
            let is_new = self.plan.new.contains(&pool.id);
            let returns = self.plan.groups.get(progress.group).is_some_and(|group| group.phase < Phase::Settle);
            if is_new && returns && needed.is_none() {
                needed = Some(failure);
            }
        }
        needed.map_or(Ok(()), Err)
    }

    async fn establish_pool<'p>(&self, pool: &'p PoolSpec) -> Option<(&'p PoolSpec, Diagnostic)> {
        let target = &self.executor.target;
        let outcome = match target.start(pool).await {
            Ok(()) => target.healthy(pool).await,
            failed => failed,
        };
        outcome.err().map(|failure| (pool, failure))
    }

    /// Does a group once. Its first failure ends it.
    pub(crate) async fn attempt(&self, group: &Group, hold_until: Option<Instant>) -> Result<(), Diagnostic> {
        let work = async {
            self.executor.traffic.apply(&traffic(self.plan, &group.traffic)).await?;
            let steps: Vec<_> = group.steps.iter().map(|step| self.told(step, group.phase, false)).collect();
            stream::iter(steps).buffer_unordered(STEPS_AT_ONCE).try_collect::<()>().await
        };
        let mut control = self.control.clone();
        tokio::select! {
            biased;
            actor = control.cancelled() => {
                Err(Diagnostic::user(format!("`{}` cancelled the deployment", actor.user)))
            }
            () = until(hold_until) => Err(Diagnostic::service("changing over took longer than requests may be held")
                .help("make the service start faster, or raise its `hold`")),
            outcome = work => outcome,
        }
    }

    /// Does a group however long it takes: its traffic until that succeeds, its steps until they succeed or were tried
    /// often enough. There is nothing better to do: users come first, and what is left running is found again.
    pub(crate) async fn persist(&self, group: &Group, undo: bool) {
        let wanted = traffic(self.plan, &group.traffic);
        let mut pause = PAUSE_MIN;
        while let Err(failure) = self.executor.traffic.apply(&wanted).await {
            self.message("traffic cannot be changed now, trying again", vec![failure.to_string()]);
            pause = wait(pause).await;
        }
        let steps: Vec<_> = group.steps.iter().map(|step| self.persist_step(step, group.phase, undo)).collect();
        at_once(steps).await;
    }

    async fn persist_step(&self, step: &Step, phase: Phase, undo: bool) {
        let mut pause = PAUSE_MIN;
        for attempt in 1..=TRIES {
            if self.told(step, phase, undo).await.is_ok() || attempt == TRIES {
                break;
            }
            pause = wait(pause).await;
        }
    }

    /// Does a step, and tells of it.
    async fn told(&self, step: &Step, phase: Phase, undo: bool) -> Result<(), Diagnostic> {
        let (kind, text) = (step.kind().to_owned(), step.to_string());
        self.event(&Event::Begun { step: kind.clone(), text: text.clone(), undo });
        let start = Instant::now();
        let mut control = self.control.clone();
        let may_be_left = phase >= Phase::Bake && !undo && step.is_left_to_a_newer();
        let outcome = tokio::select! {
            () = control.superseded(), if may_be_left => Ok(vec!["a newer deployment takes over".to_owned()]),
            outcome = self.perform(step) => outcome,
        };
        let duration_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(evidence) => {
                self.event(&Event::Done { step: kind, text, undo, duration_ms, evidence });
                Ok(())
            }
            Err(failure) => {
                self.event(&Event::Failed { step: kind, text, undo, duration_ms, failure: failure.clone() });
                Err(failure)
            }
        }
    }

    async fn perform(&self, step: &Step) -> Result<Vec<String>, Diagnostic> {
        let target = &self.executor.target;
        match step {
            Step::Before { pool } => target.before(self.deployment, pool).await?,
            Step::Start { pool } | Step::Scale { pool, .. } => target.start(pool).await?,
            Step::Healthy { pool } => target.healthy(pool).await?,
            Step::Smoke { revision, checks } => {
                let Some(revision) = self.plan.revision(*revision) else { return Ok(Vec::new()) };
                return self.executor.smoke.run(self.deployment, revision, checks).await;
            }
            // Their group's traffic is all that they are.
            Step::Hold { .. } | Step::Release { .. } | Step::Withdraw | Step::Shift { watch: None, .. } => {}
            Step::Shift { watch: Some(watch), .. } => self.watch(watch, false).await?,
            Step::Bake { watch, .. } => self.watch(watch, true).await?,
            Step::Drain { pools, drain } => self.executor.traffic.drained(pools, *drain).await?,
            Step::StopNow { pool, quiet, .. } => {
                self.executor.traffic.quiet(pool, *quiet).await;
                target.stop(pool).await?;
            }
            Step::Stop { pools } => {
                let stopped: Vec<_> = pools.iter().map(|pool| target.stop(pool)).collect();
                // All are asked to end, whichever fails.
                at_once(stopped).await.into_iter().collect::<Result<(), Diagnostic>>()?;
            }
        }
        Ok(Vec::new())
    }
}

/// Does all of it, some at once. Made beforehand: a stream that makes its futures from references as it goes is not
/// `Send` as far as the compiler can see.
pub(crate) async fn at_once<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    stream::iter(futures).buffer_unordered(STEPS_AT_ONCE).collect().await
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
