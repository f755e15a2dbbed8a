//! Every call of a deployment fails, or is the last one of its process: afterwards exactly the old or exactly the new
//! revision serves, nothing else runs, and no user was let down on the way.

mod support;

use seaworthy_deploy::Plan;
use seaworthy_deploy::control::control;
use seaworthy_deploy::executor::Ended;
use seaworthy_deploy::planner::EnvironmentState;
use seaworthy_deploy::reconcile::{Intended, UnderWay};
use seaworthy_model::deployment::{Outcome, Revision};
use support::fakes::{Fault, Outside, assert_serves};
use support::{Wish, deploy, name, revision, running};

/// An environment, and what is wanted of it.
struct Scenario {
    name: &'static str,
    state: EnvironmentState,
    to: Option<Revision>,
}

impl Scenario {
    fn plan(&self) -> Plan {
        deploy(&self.state, self.to.as_ref())
    }

    fn outside(&self) -> Outside {
        let others: Vec<&Revision> = self.to.iter().collect();
        Outside::new(&self.state, &others)
    }

    /// Exactly the revision that the outcome promises.
    fn assert_ended(&self, outside: &Outside, outcome: Outcome, context: &str) {
        assert!(outcome.is_final(), "{context}");
        assert_eq!(outside.outcome(), Some(outcome), "{context}");
        let is_new = outcome == Outcome::Succeeded;
        let serving = if is_new { self.to.as_ref() } else { self.state.running.as_ref() };
        let context = format!("{}: {context}, {outcome:?}", self.name);
        assert_serves(outside, serving, &context);
        let standing = outside.lock().standing.clone().expect("an outcome stands");
        assert_eq!(standing.serving, serving.map(|revision| revision.number), "{context}");
    }
}

fn scenarios() -> Vec<Scenario> {
    let one = revision(
        1,
        &[
            ("api", Wish::version(1).before(true)),
            ("web", Wish::version(1).calls("api").replicas(2)),
            ("same", Wish::version(1)),
            ("jobs", Wish::version(1).worker()),
        ],
    );
    let two = revision(
        2,
        &[
            ("api", Wish::version(2).before(true)),
            ("web", Wish::version(2).calls("api").replicas(2)),
            ("same", Wish::version(1).replicas(2)),
            ("jobs", Wish::version(2).worker()),
        ],
    );
    let legacy = |number, version| {
        revision(
            number,
            &[
                ("legacy", Wish::version(version).replace()),
                ("single", Wish::version(version).replace().worker()),
                ("web", Wish::version(1).calls("legacy")),
            ],
        )
    };
    // As a deployment leaves it that a newer one superseded.
    let zero = revision(0, &[("api", Wish::version(9)), ("gone", Wish::version(1))]);
    let mut superseded = running(&one);
    superseded.alive.extend(zero.pools.values().map(|pool| pool.id.clone()));
    superseded.leaving.push(zero);
    vec![
        Scenario { name: "first", state: EnvironmentState::default(), to: Some(two.clone()) },
        Scenario { name: "beside", state: running(&one), to: Some(two.clone()) },
        Scenario { name: "replace", state: running(&legacy(1, 1)), to: Some(legacy(2, 2)) },
        Scenario { name: "fewer", state: running(&two), to: Some(revision(3, &[("same", Wish::version(1))])) },
        Scenario { name: "superseding", state: superseded, to: Some(two.clone()) },
        Scenario { name: "down", state: running(&two), to: None },
    ]
}

/// Runs until the end, or until the process dies: then `None`.
async fn run(scenario: &Scenario, plan: &Plan, outside: &Outside) -> Option<Ended> {
    let executor = outside.executor();
    let (_controller, control) = control();
    let plan = plan.clone();
    // As the node does it: on another task.
    let mut task = tokio::spawn(async move { executor.run(7, &plan, control).await });
    tokio::select! {
        ended = &mut task => Some(ended.unwrap_or_else(|error| panic!("{}: {error}", scenario.name))),
        () = outside.killed.notified() => {
            task.abort();
            let _ = task.await;
            None
        }
    }
}

/// What a new process does.
async fn reconcile(scenario: &Scenario, plan: &Plan, outside: &Outside) -> Option<Outcome> {
    outside.revive();
    let (entries, standing) = {
        let state = outside.lock();
        (state.entries.clone(), state.standing.clone())
    };
    let is_over = standing.as_ref().is_some_and(|standing| standing.outcome.is_final());
    let serving = standing.as_ref().map_or(scenario.state.running.as_ref().map(|r| r.number), |s| s.serving);
    let intended = Intended {
        app: name("shop"),
        environment: name("prod"),
        running: serving.and_then(|number| plan.revision(number)).cloned(),
        under_way: (!is_over).then(|| UnderWay { deployment: 7, plan: plan.clone(), entries }),
    };
    let (_controller, control) = control();
    let executor = outside.executor();
    let mut task = tokio::spawn(async move { executor.reconcile(&intended, control).await });
    tokio::select! {
        reconciled = &mut task => {
            let reconciled = reconciled.expect("it does not panic");
            assert_eq!(reconciled.failures, []);
            Some(reconciled.ended.map_or_else(|| standing.expect("one that is over has one").outcome, |e| e.outcome))
        }
        () = outside.killed.notified() => {
            task.abort();
            let _ = task.await;
            None
        }
    }
}

/// As many processes as it takes.
async fn finish(scenario: &Scenario, plan: &Plan, outside: &Outside) -> Outcome {
    if let Some(ended) = run(scenario, plan, outside).await {
        return ended.outcome;
    }
    loop {
        if let Some(outcome) = reconcile(scenario, plan, outside).await {
            return outcome;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn without_faults_the_new_revision_serves() {
    for scenario in scenarios() {
        let outside = scenario.outside();
        let ended = run(&scenario, &scenario.plan(), &outside).await.unwrap();
        assert_eq!(ended, Ended { outcome: Outcome::Succeeded, failure: None }, "{}", scenario.name);
        scenario.assert_ended(&outside, ended.outcome, "no fault");
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_may_fail() {
    for scenario in scenarios() {
        let plan = scenario.plan();
        for fault in [Fault::FailBefore, Fault::FailAfter] {
            for number in 0.. {
                let outside = scenario.outside();
                outside.lock().faults.insert(number, fault);
                let ended = run(&scenario, &plan, &outside).await.unwrap();
                scenario.assert_ended(&outside, ended.outcome, &format!("{fault:?} at call {number}"));
                assert_eq!(ended.failure.is_some(), ended.outcome != Outcome::Succeeded);
                if outside.lock().calls.len() <= number {
                    break;
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_process_may_die_in_every_call_and_another_one_goes_on() {
    for scenario in scenarios() {
        let plan = scenario.plan();
        for fault in [Fault::KillBefore, Fault::KillAfter] {
            for number in 0.. {
                let outside = scenario.outside();
                outside.lock().faults.insert(number, fault);
                let context = format!("{fault:?} at call {number}");
                let outcome = finish(&scenario, &plan, &outside).await;
                scenario.assert_ended(&outside, outcome, &context);
                if outside.lock().calls.len() <= number {
                    break;
                }
            }
        }
    }
}

/// A second fault on the way back, or in the process that goes on.
#[tokio::test(start_paused = true)]
async fn two_things_may_go_wrong() {
    for scenario in scenarios() {
        let plan = scenario.plan();
        let calls = {
            let outside = scenario.outside();
            run(&scenario, &plan, &outside).await.unwrap();
            outside.lock().calls.len()
        };
        for first_fault in [Fault::FailAfter, Fault::KillAfter] {
            for first in 0..calls {
                // All distances between the two come up, each for some of the first calls.
                for second in (first + 1 + first % 29..).step_by(29) {
                    let outside = scenario.outside();
                    outside.lock().faults.extend([(first, first_fault), (second, Fault::KillBefore)]);
                    let outcome = finish(&scenario, &plan, &outside).await;
                    let context = format!("{first_fault:?} at call {first}, killed at call {second}");
                    scenario.assert_ended(&outside, outcome, &context);
                    if outside.lock().calls.len() <= second {
                        break;
                    }
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_whole_machine_may_die_in_every_call() {
    for scenario in scenarios() {
        let plan = scenario.plan();
        for number in 0.. {
            let outside = scenario.outside();
            outside.lock().faults.insert(number, Fault::KillAfter);
            if let Some(ended) = run(&scenario, &plan, &outside).await {
                scenario.assert_ended(&outside, ended.outcome, "no fault");
                break;
            }
            {
                let mut state = outside.lock();
                state.instances.clear();
                state.users = false;
            }
            let outcome = reconcile(&scenario, &plan, &outside).await.unwrap();
            scenario.assert_ended(&outside, outcome, &format!("the machine died at call {number}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_written_for_long_never_leaves_two_revisions() {
    for scenario in scenarios() {
        let plan = scenario.plan();
        for starts in ["record", "outcome Baking", "apply"] {
            let outside = scenario.outside();
            outside.lock().always_fails = Some(starts);
            let healed = outside.clone();
            let heal = tokio::spawn(async move {
                tokio::time::sleep(std::time::Duration::from_secs(300)).await;
                healed.lock().always_fails = None;
            });
            let ended = run(&scenario, &plan, &outside).await.unwrap();
            heal.abort();
            assert_eq!(ended.outcome, Outcome::Failed, "{}: {starts}", scenario.name);
            scenario.assert_ended(&outside, ended.outcome, starts);
        }
    }
}

/// The canary: were the fakes blind, all of the above would prove nothing.
#[tokio::test(start_paused = true)]
async fn the_fakes_notice_when_users_are_let_down() {
    use seaworthy_deploy::{Target as _, Traffic as _};
    let scenario = &scenarios()[1];
    let outside = scenario.outside();
    let plan = scenario.plan();
    let traffic = seaworthy_deploy::shape::traffic(&plan, &plan.groups[0].traffic);
    outside.apply(&traffic).await.unwrap();
    assert!(outside.lock().let_down.is_empty());
    let serving = &scenario.state.running.as_ref().unwrap().pools["api"].id;
    outside.stop(serving).await.unwrap();
    assert_eq!(outside.lock().let_down.len(), 1);
}
