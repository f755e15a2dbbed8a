//! How several answers become one: a state machine without clock and without IO.

use super::ballot::{Ballot, Vote};
use seaworthy_model::release::Answer;

/// What the ballots so far come to. It is final as soon as it is not [`Verdict::Open`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// More ballots may change it.
    Open,
    /// This service's answer, by its place in the declared order, stands for all.
    Answer(usize),
    /// All that is there, in one document.
    Together,
    /// There is none, and further ballots would not change that.
    None,
}

/// The ballots of one request.
#[derive(Debug)]
pub struct Decision {
    rule: Answer,
    ballots: Vec<Option<Ballot>>,
    verdict: Verdict,
}

impl Decision {
    /// Nobody has answered yet. `services` is how many are declared, whether or not they are alive.
    #[must_use]
    pub fn new(rule: Answer, services: usize) -> Self {
        let verdict = if services == 0 { Verdict::None } else { Verdict::Open };
        Self { rule, ballots: vec![None; services], verdict }
    }

    /// How many must agree.
    #[must_use]
    pub fn majority(&self) -> usize {
        self.ballots.len() / 2 + 1
    }

    /// What it comes to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Takes a service's ballot. The first one of a service counts, and none that comes after the verdict changes it.
    pub fn cast(&mut self, service: usize, ballot: Ballot) -> Verdict {
        if let Some(place @ None) = self.ballots.get_mut(service) {
            *place = Some(ballot);
            if self.verdict == Verdict::Open {
                self.verdict = self.decide();
            }
        }
        self.verdict
    }

    /// Time is up: if there is no verdict yet, whoever has not answered abstains.
    pub fn expire(&mut self) -> Verdict {
        if self.verdict == Verdict::Open {
            for place in self.ballots.iter_mut().filter(|place| place.is_none()) {
                *place = Some(Ballot::Abstention);
            }
            self.verdict = self.decide();
        }
        self.verdict
    }

    /// Whether a service's answer agrees with the verdict; `None` without a verdict of one answer or without a vote.
    #[must_use]
    pub fn agrees(&self, service: usize) -> Option<bool> {
        let Verdict::Answer(chosen) = self.verdict else { return None };
        Some(self.vote(service)? == self.vote(chosen)?)
    }

    fn decide(&self) -> Verdict {
        match self.rule {
            Answer::First => self.decide_first(),
            Answer::Quorum => self.decide_quorum(),
            Answer::All if self.outstanding() > 0 => Verdict::Open,
            Answer::All if self.votes().next().is_none() => Verdict::None,
            Answer::All => Verdict::Together,
        }
    }

    /// The first success; where there is none, a "no" that all the same is an answer.
    fn decide_first(&self) -> Verdict {
        if let Some((service, _)) = self.votes().find(|(_, vote)| vote.is_success()) {
            return Verdict::Answer(service);
        }
        match (self.outstanding(), self.votes().next()) {
            (0, Some((service, _))) => Verdict::Answer(service),
            (0, None) => Verdict::None,
            _ => Verdict::Open,
        }
    }

    fn decide_quorum(&self) -> Verdict {
        let mut most = 0;
        for (service, vote) in self.votes() {
            let agreeing = self.votes().filter(|(_, other)| *other == vote).count();
            if agreeing >= self.majority() {
                // Votes come in the declared order, so that this is the earliest of them.
                return Verdict::Answer(service);
            }
            most = most.max(agreeing);
        }
        if most + self.outstanding() < self.majority() { Verdict::None } else { Verdict::Open }
    }

    fn votes(&self) -> impl Iterator<Item = (usize, &Vote)> {
        (0..self.ballots.len()).filter_map(|service| Some((service, self.vote(service)?)))
    }

    fn vote(&self, service: usize) -> Option<&Vote> {
        match self.ballots.get(service)?.as_ref()? {
            Ballot::Vote(vote) => Some(vote),
            Ballot::Abstention => None,
        }
    }

    fn outstanding(&self) -> usize {
        self.ballots.iter().filter(|place| place.is_none()).count()
    }
}

#[cfg(test)]
#[path = "decision_tests.rs"]
mod tests;
