//! Pushes, checks and deployments in any order: what is newest arrives, and nothing is done twice or at once.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;
use seaworthy_delivery::next::{decide, next};
use seaworthy_model::Name;
use seaworthy_model::run::{Run, RunOutcome, RunSource, RunState};
use std::collections::BTreeMap;

/// What may happen to an app with two branches.
#[derive(Debug, Clone, Copy)]
enum Happening {
    /// A commit is pushed to a branch.
    Push(usize),
    /// The node looks at both.
    Look,
    /// What is under way takes its next step; well, or not.
    Step(bool),
    /// The node is killed and comes back.
    Kill,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        3 => (0_usize..2).prop_map(Happening::Push),
        4 => Just(Happening::Look),
        6 => any::<bool>().prop_map(Happening::Step),
        1 => Just(Happening::Kill),
    ]
}

/// A node as far as its decisions go.
#[derive(Default)]
struct World {
    /// Oldest first.
    runs: Vec<Run>,
    heads: [u32; 2],
    pushes: u32,
    /// Commits that arrived, by branch.
    deployed: [Vec<u32>; 2],
}

fn source(branch: usize) -> RunSource {
    RunSource::Branch { repository: "/srv/x".to_owned(), branch: branch.to_string() }
}

impl World {
    fn newest_first(&self) -> Vec<Run> {
        self.runs.iter().rev().cloned().collect()
    }

    fn look(&mut self) {
        for branch in 0..2 {
            let (head, runs) = (self.heads[branch], self.newest_first());
            if head == 0 {
                continue;
            }
            let decision = decide(&runs, &source(branch), &head.to_string(), false);
            for id in decision.supersede {
                let run = self.runs.iter_mut().find(|run| run.id == id).unwrap();
                assert!(matches!(run.state, RunState::Queued | RunState::Checking), "a deployment is never torn");
                assert_eq!(run.source, source(branch), "branches leave each other alone");
                (run.state, run.outcome) = (RunState::Done, Some(RunOutcome::Superseded));
            }
            if decision.queue {
                let id = self.runs.len() as u64 + 1;
                self.runs.push(run(id, branch, head));
            }
        }
        self.begin();
    }

    fn begin(&mut self) {
        let id = next(&self.newest_first()).map(|run| run.id);
        if let Some(run) = self.runs.iter_mut().find(|run| Some(run.id) == id) {
            assert_eq!(run.state, RunState::Queued);
            run.state = RunState::Checking;
        }
        assert!(self.runs.iter().filter(|run| run.state.is_busy()).count() <= 1, "one at a time");
    }

    fn step(&mut self, well: bool) {
        if let Some(run) = self.runs.iter_mut().find(|run| run.state.is_busy()) {
            (run.state, run.outcome) = match (run.state, well) {
                (RunState::Checking, true) => (RunState::Deploying, None),
                (RunState::Checking, false) => (RunState::Done, Some(RunOutcome::Failed)),
                _ => (RunState::Done, Some(if well { RunOutcome::Deployed } else { RunOutcome::Returned })),
            };
            if run.outcome == Some(RunOutcome::Deployed) {
                let branch = usize::from(run.source == source(1));
                self.deployed[branch].push(run.commit.parse().unwrap());
            }
        }
        self.begin();
    }

    fn kill(&mut self) {
        self.runs.iter_mut().filter(|run| run.state == RunState::Checking).for_each(|run| run.state = RunState::Queued);
        self.begin();
    }
}

fn run(id: u64, branch: usize, commit: u32) -> Run {
    Run {
        id,
        app: Name::new("shop").unwrap(),
        source: source(branch),
        commit: commit.to_string(),
        environments: Vec::new(),
        state: RunState::Queued,
        outcome: None,
        failure: None,
        release: None,
        deployments: BTreeMap::new(),
        arrivals: BTreeMap::new(),
        attempts: 0,
        queued_at: String::new(),
        started_at: None,
        since: None,
        ended_at: None,
        log: None,
        bundle: None,
        waits_for: None,
    }
}

proptest! {
    #[test]
    fn the_newest_arrives_and_nothing_older_after_it(happenings in prop::collection::vec(happening(), 0..80)) {
        let mut world = World::default();
        for happening in happenings {
            match happening {
                Happening::Push(branch) => {
                    world.pushes += 1;
                    world.heads[branch] = world.pushes;
                }
                Happening::Look => world.look(),
                Happening::Step(well) => world.step(well),
                Happening::Kill => world.kill(),
            }
        }
        // In peace, everything ends, and each head was tried.
        for _ in 0..10 {
            world.look();
            world.step(true);
        }
        for branch in 0..2 {
            let of_head = |run: &&Run| run.source == source(branch) && run.commit == world.heads[branch].to_string();
            let tries = world.runs.iter().filter(of_head).filter(|run| run.outcome != Some(RunOutcome::Superseded));
            prop_assert_eq!(tries.count(), usize::from(world.heads[branch] > 0), "each head once");
            prop_assert!(world.deployed[branch].is_sorted(), "{:?}", world.deployed);
        }
        prop_assert!(world.runs.iter().all(|run| run.state == RunState::Done));
    }
}

#[test]
fn what_a_person_has_put_there_is_not_tried() {
    assert_eq!(decide(&[], &source(0), "a", true), Default::default());
    assert!(decide(&[], &source(0), "a", false).queue);
    let old = Run { state: RunState::Done, outcome: Some(RunOutcome::Failed), ..run(1, 0, 7) };
    assert!(!decide(std::slice::from_ref(&old), &source(0), "7", false).queue);
    // Somebody who goes back in the branch means it.
    assert!(decide(&[old], &source(0), "6", true).queue);
}
