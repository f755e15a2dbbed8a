//! Asking several services at once, until their answers come to one.

use super::{Ask, Ballot, Decision, FanoutPlan, LegError, Verdict, document};
use crate::pool::{Patience, Unavailable};
use crate::proxy::buffered::BufferedAnswer;
use bytes::Bytes;
use seaworthy_model::release::Answer;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::time::Instant;

/// What a fan-out comes to.
#[derive(Debug)]
pub enum FanoutEnd {
    /// One service's answer stands for all.
    Answer(Arc<BufferedAnswer>),
    /// The gateway answers itself, with JSON.
    Document {
        /// 200 or 502.
        status: u16,
        /// JSON.
        body: Bytes,
    },
    /// The table has changed, and the request may go where it leads now.
    Rerouted,
    /// Too many of the services are held for too long.
    Held(Unavailable),
}

/// Asks every service of the plan. Returns as soon as the answer is certain; whoever has not answered by then is still
/// read up to the deadline, so that it is counted and its connection can be used again.
pub async fn execute(plan: &Arc<FanoutPlan>, asker: &Arc<impl Ask>, patience: &mut Patience) -> FanoutEnd {
    match released(plan, patience).await {
        Ok(()) => {}
        Err(Unavailable::Rerouted) => return FanoutEnd::Rerouted,
        Err(unavailable) => return FanoutEnd::Held(unavailable),
    }
    let deadline = Instant::now() + plan.fanout.deadline;
    let poll = Arc::new(Poll::new(plan.clone()));
    for service in 0..plan.pools.len() {
        let (poll, asker) = (poll.clone(), asker.clone());
        tokio::spawn(async move {
            let asked = asker.ask(&poll.plan.pools[service], deadline);
            let said = tokio::time::timeout_at(deadline, asked).await.unwrap_or(Err(LegError::TimedOut));
            poll.take(service, said.map(Arc::new));
        });
    }
    let _ = tokio::time::timeout_at(deadline, poll.decided.notified()).await;
    poll.end(asker.is_repeatable())
}

/// Waits while so many services are held that there could be no answer.
async fn released(plan: &FanoutPlan, patience: &mut Patience) -> Result<(), Unavailable> {
    let services = plan.pools.len();
    let needed = match plan.fanout.answer {
        Answer::First => 1,
        Answer::Quorum => services / 2 + 1,
        Answer::All => services,
    };
    let held = || plan.pools.iter().filter(|pool| pool.settings().held.is_some());
    match held().next() {
        Some(pool) if services - held().count() < needed => pool.released(patience).await,
        _ => Ok(()),
    }
}

/// The state of one fan-out, shared by its legs.
struct Poll {
    plan: Arc<FanoutPlan>,
    state: Mutex<State>,
    decided: Notify,
}

struct State {
    decision: Decision,
    said: Vec<Option<Said>>,
}

/// What one service said, or why it did not.
pub(super) type Said = Result<Arc<BufferedAnswer>, LegError>;

impl Poll {
    fn new(plan: Arc<FanoutPlan>) -> Self {
        let services = plan.pools.len();
        let decision = Decision::new(plan.fanout.answer, services);
        let decided = Notify::new();
        if decision.verdict() != Verdict::Open {
            decided.notify_one();
        }
        Self { plan, state: Mutex::new(State { decision, said: vec![None; services] }), decided }
    }

    /// Takes what a service said, before the verdict or after it.
    fn take(&self, service: usize, said: Said) {
        let ballot = match &said {
            Ok(answer) => Ballot::of_answer(answer.head.status, &answer.body, self.plan.fanout.compare),
            Err(_) => Ballot::Abstention,
        };
        let status = said.as_ref().map_or_else(|error| error.status(), |answer| Some(answer.head.status));
        if let Some(status) = status {
            self.plan.pools[service].count(status);
        }
        let mut state = self.lock();
        let was_open = state.decision.verdict() == Verdict::Open;
        let verdict = state.decision.cast(service, ballot);
        state.said[service] = Some(said);
        match (was_open, verdict) {
            (true, Verdict::Open) => {}
            (true, _) => {
                (0..self.plan.pools.len()).for_each(|service| self.tally(&state, service));
                self.decided.notify_one();
            }
            (false, _) => self.tally(&state, service),
        }
    }

    /// The end: what was decided, or what the deadline decides.
    fn end(&self, repeatable: bool) -> FanoutEnd {
        let mut state = self.lock();
        let was_open = state.decision.verdict() == Verdict::Open;
        let verdict = state.decision.expire();
        if was_open {
            (0..self.plan.pools.len()).for_each(|service| self.tally(&state, service));
        }
        let plan = &self.plan.fanout;
        match verdict {
            Verdict::Answer(service) => match &state.said[service] {
                Some(Ok(answer)) => FanoutEnd::Answer(answer.clone()),
                _ => FanoutEnd::Document { status: 502, body: document::none(plan, &state.said, was_open) },
            },
            Verdict::Together => FanoutEnd::Document { status: 200, body: document::all(plan, &state.said) },
            Verdict::None | Verdict::Open => {
                let rerouted = state.said.iter().any(|said| matches!(said, Some(Err(LegError::Rerouted))));
                if rerouted && repeatable {
                    return FanoutEnd::Rerouted;
                }
                FanoutEnd::Document { status: 502, body: document::none(plan, &state.said, was_open) }
            }
        }
    }

    /// Counts a service that is not of one mind with the verdict. Whoever has said nothing yet is counted when it does.
    fn tally(&self, state: &State, service: usize) {
        let tally = &self.plan.pools[service].fanout;
        match &state.said[service] {
            None | Some(Err(LegError::Rerouted)) => {}
            Some(Err(LegError::TimedOut)) => tally.add_late(),
            Some(Err(_)) => tally.add_failed(),
            Some(Ok(answer)) if answer.head.status >= 500 => tally.add_failed(),
            // "First" asks for no agreement.
            Some(Ok(_)) if self.plan.fanout.answer != Answer::Quorum => {}
            Some(Ok(_)) => {
                if state.decision.agrees(service) == Some(false) {
                    tally.add_disagreed();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "execution_tests.rs"]
mod tests;
