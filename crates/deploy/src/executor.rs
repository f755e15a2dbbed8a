//! Carries out plans, without choices of its own.

use crate::control::{Command, Control};
use crate::event::Event;
use crate::invariants::check;
use crate::journal::{Entry, Journal, Progress, Standing};
use crate::plan::{Group, Phase, Plan};
use crate::run::Run;
use crate::smoke::Smoke;
use crate::step::Step;
use crate::target::Target;
use crate::traffic::Traffic;
use crate::undo::undo;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_model::deployment::Outcome;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Carries out plans on a target, a carrier of traffic and whoever runs checks.
#[derive(Debug)]
pub struct Executor<T, R, J, S> {
    /// Where instances run.
    pub target: Arc<T>,
    /// Who carries traffic.
    pub traffic: Arc<R>,
    /// Where progress is kept.
    pub journal: Arc<J>,
    /// Who runs checks.
    pub smoke: Arc<S>,
}

/// How a deployment ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// A final outcome.
    pub outcome: Outcome,
    /// Why it is not better.
    pub failure: Option<Diagnostic>,
}

/// Why a plan turned, and in which of its groups.
struct Turn {
    from: usize,
    outcome: Outcome,
    failure: Diagnostic,
}

impl<T: Target, R: Traffic, J: Journal, S: Smoke> Executor<T, R, J, S> {
    /// Carries out a plan from its beginning. May be dropped at any point; [`Executor::resume`] goes on from there.
    pub async fn run(&self, deployment: u64, plan: &Plan, control: Control) -> Ended {
        let run = Run::new(self, deployment, plan, control);
        if let Err(broken) = check(plan) {
            let cause = broken.source().map(|source| format!(": {source}")).unwrap_or_default();
            let failure = Diagnostic::new(Fault::Seaworthy, format!("the plan is not safe: {broken}{cause}"))
                .help("nothing was changed; please report this with the output of `seaworthy plan`");
            return run.end(plan.from.as_ref().map(|r| r.number), Outcome::Failed, Some(failure)).await;
        }
        run.forward_or_back(0).await
    }

    /// Goes on with a plan, or with undoing it, from where its entries (oldest first) say that it stands.
    pub async fn resume(&self, deployment: u64, plan: &Plan, entries: &[Entry], control: Control) -> Ended {
        let progress = Progress::of(entries);
        let run = Run::new(self, deployment, plan, control);
        run.event(&Event::Resumed);
        let established = run.establish(&progress).await;
        match progress.going_back {
            Some((from, outcome, failure)) => run.back(Turn { from, outcome, failure }, progress.group).await,
            None => match established {
                Ok(()) => {
                    run.resumes_after(progress.lasted());
                    run.forward_or_back(progress.group).await
                }
                Err(failure) => {
                    let turn = run.turn(progress.group, failure);
                    run.turn_back(turn).await
                }
            },
        }
    }
}

impl<T: Target, R: Traffic, J: Journal, S: Smoke> Run<'_, T, R, J, S> {
    async fn forward_or_back(mut self, start: usize) -> Ended {
        match self.forward(start).await {
            Ok(()) => self.end(self.plan.to.as_ref().map(|r| r.number), Outcome::Succeeded, None).await,
            Err(turn) => self.turn_back(turn).await,
        }
    }

    async fn forward(&mut self, start: usize) -> Result<(), Turn> {
        let mut hold_until = self.hold_until(start);
        for (index, group) in self.plan.groups.iter().enumerate().skip(start) {
            if group.phase >= Phase::Bake && self.is_superseded() && group.steps.iter().all(Step::is_left_to_a_newer) {
                continue;
            }
            if index == self.plan.serves_at() {
                // Not yet begun: a failure here is one of the group before.
                self.serve().map_err(|failure| self.turn(index.saturating_sub(1), failure))?;
            }
            let begun = self.record(&Entry::begun(index));
            if group.phase == Phase::Settle {
                // What cannot be written down is done again after a crash.
                self.persist(group, false).await;
                continue;
            }
            begun.map_err(|failure| self.turn(index.saturating_sub(1), failure))?;
            if let Some(hold) = group.steps.iter().find_map(Step::hold) {
                hold_until = Some(Instant::now() + hold);
            }
            let outcome = self.attempt(group, hold_until).await;
            self.resumes_after(Duration::ZERO);
            if group.steps.iter().any(|step| matches!(step, Step::Release { .. })) {
                hold_until = None;
            }
            match outcome {
                Err(failure) if group.phase == Phase::Bake && self.plan.is_irreversible() && !self.is_cancelled() => {
                    self.message("it does not go back: `before` cannot be undone", vec![failure.to_string()]);
                }
                other => other.map_err(|failure| self.turn(index, failure))?,
            }
        }
        Ok(())
    }

    /// When the changeover that is under way at a group must be over: another process has begun it.
    fn hold_until(&self, start: usize) -> Option<Instant> {
        let done = self.plan.groups[..start].iter().flat_map(|group| &group.steps);
        let hold = done.fold(None, |hold, step| match step {
            Step::Hold { hold, .. } => Some(*hold),
            Step::Release { .. } => None,
            _ => hold,
        });
        hold.map(|hold| Instant::now() + hold)
    }

    /// The new revision carries all traffic.
    fn serve(&self) -> Result<(), Diagnostic> {
        let serving = self.plan.to.as_ref().map(|revision| revision.number);
        self.stand(serving, Outcome::Baking, None)?;
        self.event(&Event::Serving { revision: serving });
        self.event(&Event::Outcome { outcome: Outcome::Baking, failure: None });
        Ok(())
    }

    fn turn(&self, from: usize, failure: Diagnostic) -> Turn {
        let phase = self.plan.groups.get(from).map_or(Phase::Prepare, |group| group.phase);
        let outcome = match phase {
            _ if self.is_cancelled() => Outcome::Cancelled,
            Phase::Bake => Outcome::Returned,
            _ => Outcome::Failed,
        };
        Turn { from, outcome, failure }
    }

    async fn turn_back(self, turn: Turn) -> Ended {
        let entry = Entry::GoingBack { from: turn.from, outcome: turn.outcome, failure: turn.failure.clone() };
        if let Err(failure) = self.record(&entry) {
            // Going back matters more. After a crash the plan is begun again where it stood, and turns again.
            self.message("cannot write down that it goes back", vec![failure.to_string()]);
        }
        self.event(&Event::GoingBack { failure: turn.failure.clone() });
        self.back(turn, 0).await
    }

    async fn back(self, turn: Turn, start: usize) -> Ended {
        let serving = self.plan.from.as_ref().map(|revision| revision.number);
        let groups = undo(self.plan, turn.from);
        for (index, group) in groups.iter().enumerate().skip(start) {
            if let Err(failure) = self.record(&Entry::begun(index)) {
                self.message("cannot write down how far it is", vec![failure.to_string()]);
            }
            self.persist(group, true).await;
            if is_shift(group) {
                if let Err(failure) = self.stand(serving, Outcome::Running, Some(turn.failure.clone())) {
                    self.message("cannot write down which revision serves", vec![failure.to_string()]);
                }
                self.event(&Event::Serving { revision: serving });
            }
        }
        self.end(serving, turn.outcome, Some(turn.failure)).await
    }

    fn stand(&self, serving: Option<u64>, outcome: Outcome, failure: Option<Diagnostic>) -> Result<(), Diagnostic> {
        let (app, environment) = (self.plan.app.clone(), self.plan.environment.clone());
        let standing = Standing { app, environment, serving, outcome, failure };
        self.executor.journal.outcome(self.deployment, &standing)
    }

    /// Writes the end down. As long as that fails the deployment is under way for everybody else.
    async fn end(&self, serving: Option<u64>, outcome: Outcome, failure: Option<Diagnostic>) -> Ended {
        let mut pause = crate::run::PAUSE_MIN;
        while let Err(refused) = self.stand(serving, outcome, failure.clone()) {
            self.message("cannot write down how it ended", vec![refused.to_string()]);
            pause = crate::run::wait(pause).await;
        }
        self.event(&Event::Outcome { outcome, failure: failure.clone() });
        Ended { outcome, failure }
    }

    fn is_cancelled(&self) -> bool {
        matches!(self.control.current(), Command::Cancel(_))
    }

    fn is_superseded(&self) -> bool {
        self.control.current() == Command::Supersede
    }
}

fn is_shift(group: &Group) -> bool {
    group.steps.iter().any(|step| matches!(step, Step::Shift { .. } | Step::Withdraw))
}
