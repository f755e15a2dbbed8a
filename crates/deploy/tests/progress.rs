//! What a deployment does besides going through: it watches, goes back, is cancelled, makes way, and tells of it.

mod support;

use seaworthy_deploy::control::{Command, Controller, control};
use seaworthy_deploy::event::Event;
use seaworthy_deploy::executor::Ended;
use seaworthy_deploy::journal::Entry;
use seaworthy_deploy::planner::EnvironmentState;
use seaworthy_deploy::{Plan, Step};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::{Actor, Outcome, Revision};
use std::time::Duration;
use support::fakes::{Outside, assert_serves};
use support::{Wish, deploy, revision, running};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

fn begin(outside: &Outside, plan: &Plan) -> (Controller, JoinHandle<Ended>) {
    let (controller, control) = control();
    let (executor, plan) = (outside.executor(), plan.clone());
    (controller, tokio::spawn(async move { executor.run(7, &plan, control).await }))
}

fn versions() -> (Revision, Revision) {
    (revision(1, &[("web", Wish::version(1))]), revision(2, &[("web", Wish::version(2))]))
}

fn ada() -> Actor {
    Actor { user: "ada".into(), claim: None }
}

/// Waits until the new revision carries all traffic.
async fn until_serving(outside: &Outside) {
    while !matches!(outside.outcome(), Some(Outcome::Baking | Outcome::Succeeded)) {
        assert!(!outside.outcome().is_some_and(Outcome::is_final), "{:?}", outside.lock().standing);
        sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_shift_takes_its_time_and_a_bake_its_own() {
    let (from, to) = versions();
    let outside = Outside::new(&running(&from), &[&to]);
    let start = Instant::now();
    let (_controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
    until_serving(&outside).await;
    // 2 s until healthy, 10% and 50% for 30 s each.
    assert_eq!(start.elapsed().as_secs(), 62);
    assert_eq!(outside.lock().standing.as_ref().unwrap().serving, Some(2));
    assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
    assert_eq!(start.elapsed().as_secs(), 62 + 600 + 15);
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_new_pools_end_the_first_step_of_the_shift() {
    let (from, to) = versions();
    let outside = Outside::new(&running(&from), &[&to]);
    let pool = to.pools["web"].id.clone();
    let plan = deploy(&running(&from), Some(&to));
    let (_controller, task) = begin(&outside, &plan);
    sleep(Duration::from_secs(5)).await;
    outside.lock().sick.insert(pool);
    let ended = task.await.unwrap();
    assert_eq!(ended.outcome, Outcome::Failed);
    assert!(ended.failure.unwrap().message.contains("more requests with errors"));
    assert_serves(&outside, Some(&from), "the shift failed");
    assert!(!outside.lock().calls.contains(&"apply 1:50 2:50".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_failing_check_in_the_bake_brings_all_services_back() {
    let from = revision(
        1,
        &[("legacy", Wish::version(1).replace()), ("web", Wish::version(1)), ("jobs", Wish::version(1).worker())],
    );
    let to = revision(
        2,
        &[("legacy", Wish::version(2).replace()), ("web", Wish::version(2)), ("jobs", Wish::version(2).worker())],
    );
    let outside = Outside::new(&running(&from), &[&to]);
    let (_controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
    until_serving(&outside).await;
    let failure = Diagnostic::service("`web.hurl` fails");
    outside.lock().failing = Some(failure.clone());
    assert_eq!(task.await.unwrap(), Ended { outcome: Outcome::Returned, failure: Some(failure.clone()) });
    assert_serves(&outside, Some(&from), "the bake failed");
    let state = outside.lock();
    assert!(state.events.contains(&Event::GoingBack { failure }));
    assert!(state.events.contains(&Event::Serving { revision: Some(1) }));
}

#[tokio::test(start_paused = true)]
async fn a_check_must_fail_twice_in_a_row_in_the_bake() {
    let (from, to) = versions();
    let outside = Outside::new(&running(&from), &[&to]);
    let (_controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
    until_serving(&outside).await;
    for failing in [true, false, true, false] {
        let before = outside.lock().repeats;
        outside.lock().failing = failing.then(|| Diagnostic::service("`web.hurl` fails"));
        while outside.lock().repeats == before {
            sleep(Duration::from_secs(1)).await;
        }
    }
    assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
    assert_serves(&outside, Some(&to), "it failed now and then");
    let repeats = outside.lock().repeats;
    assert!((19..=20).contains(&repeats), "every 30 s for 10 min: {repeats}");
}

#[tokio::test(start_paused = true)]
async fn a_bake_that_is_resumed_keeps_its_end() {
    let (from, to) = versions();
    let outside = Outside::new(&running(&from), &[&to]);
    let plan = deploy(&running(&from), Some(&to));
    let (_controller, task) = begin(&outside, &plan);
    until_serving(&outside).await;
    task.abort();
    assert!(task.await.is_err());
    // Nine of its ten minutes have passed when the next two nodes come, one after the other.
    let mut entries = outside.lock().entries.clone();
    let Some(Entry::Begun { at_ms, .. }) = entries.last_mut() else { panic!("{entries:?}") };
    *at_ms -= 9 * 60 * 1000;
    let last = entries.last().unwrap().clone();
    let Entry::Begun { group, .. } = last else { panic!("{last:?}") };
    entries.push(Entry::Begun { group, at_ms: u64::MAX / 2 });
    let start = Instant::now();
    let (_controller, control) = control();
    let ended = outside.executor().resume(7, &plan, &entries, control).await;
    assert_eq!(ended.outcome, Outcome::Succeeded);
    // 2 s until what ran is known to be healthy; what is in flight is finished in 15 s.
    let took = start.elapsed().as_secs();
    assert!((60 + 15..=62 + 15).contains(&took), "{took} s");
}

#[tokio::test(start_paused = true)]
async fn after_an_irreversible_migration_a_failing_bake_is_told_and_not_returned() {
    let from = revision(1, &[("web", Wish::version(1))]);
    let to = revision(2, &[("web", Wish::version(2).before(false))]);
    let outside = Outside::new(&running(&from), &[&to]);
    let (_controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
    until_serving(&outside).await;
    outside.lock().failing = Some(Diagnostic::service("`web.hurl` fails"));
    assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
    assert_serves(&outside, Some(&to), "irreversible");
    let told = |event: &Event| matches!(event, Event::Message { text, .. } if text.contains("does not go back"));
    assert!(outside.lock().events.iter().any(told));
}

#[tokio::test(start_paused = true)]
async fn what_was_sent_before_the_hold_arrives_before_the_old_one_is_asked_to_end() {
    let from = revision(1, &[("jobs", Wish::version(1).worker()), ("legacy", Wish::version(1).replace())]);
    let to = revision(2, &[("jobs", Wish::version(2).worker()), ("legacy", Wish::version(2).replace())]);
    let outside = Outside::new(&running(&from), &[&to]);
    let (_controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
    assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
    let calls = outside.lock().calls.clone();
    let position = |call: String| calls.iter().position(|known| *known == call).expect("it was called");
    let (legacy, worker) = (&from.pools["legacy"].id, &from.pools["jobs"].id);
    assert!(position(format!("quiet {legacy} 1s")) < position(format!("stop {legacy}")));
    assert!(position(format!("quiet {worker} 0ns")) < position(format!("stop {worker}")), "workers are not waited for");
}

#[tokio::test(start_paused = true)]
async fn a_changeover_that_takes_longer_than_requests_wait_is_undone() {
    let from = revision(1, &[("legacy", Wish::version(1).replace())]);
    let mut to = revision(2, &[("legacy", Wish::version(2).replace())]);
    to.pools.get_mut("legacy").unwrap().tuning.healthy_for = Duration::from_secs(40);
    let outside = Outside::new(&running(&from), &[&to]);
    let start = Instant::now();
    let (_controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
    let ended = task.await.unwrap();
    assert_eq!(ended.outcome, Outcome::Failed);
    assert!(ended.failure.unwrap().help.unwrap().contains("`hold`"));
    assert_serves(&outside, Some(&from), "held too long");
    // 30 s held, and the old one is healthy again 2 s later.
    assert_eq!(start.elapsed().as_secs(), 32);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_goes_back_from_wherever_it_is() {
    let (from, to) = versions();
    for after_secs in [0, 1, 10, 45, 100] {
        let outside = Outside::new(&running(&from), &[&to]);
        let (controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
        sleep(Duration::from_secs(after_secs)).await;
        controller.command(Command::Cancel(ada()));
        let ended = task.await.unwrap();
        assert_eq!(ended.outcome, Outcome::Cancelled, "after {after_secs} s");
        assert_eq!(ended.failure.unwrap().message, "`ada` cancelled the deployment");
        assert_serves(&outside, Some(&from), &format!("cancelled after {after_secs} s"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_settles_cannot_be_cancelled_any_more() {
    let (from, to) = versions();
    let outside = Outside::new(&running(&from), &[&to]);
    let (controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
    sleep(Duration::from_secs(62 + 600 + 5)).await;
    controller.command(Command::Cancel(ada()));
    assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
    assert_serves(&outside, Some(&to), "settling");
}

/// What the node makes of what it finds when a deployment has ended.
fn state(outside: &Outside, known: &[&Revision]) -> EnvironmentState {
    let state = outside.lock();
    let find = |number: u64| known.iter().find(|revision| revision.number == number).map(|r| (*r).clone());
    let serving = state.standing.as_ref().and_then(|standing| standing.serving);
    let variants = state.traffic.iter().flat_map(|traffic| &traffic.variants).map(|variant| variant.revision);
    EnvironmentState {
        running: serving.and_then(find),
        leaving: variants.filter(|number| Some(*number) != serving).filter_map(find).collect(),
        alive: state.instances.keys().cloned().collect(),
    }
}

#[tokio::test(start_paused = true)]
async fn newer_deployments_follow_each_other_without_waiting_and_nothing_is_left() {
    let revisions: Vec<Revision> = (0..8)
        .map(|number| {
            let version = u8::try_from(number % 5).unwrap();
            let mut revision = revision(
                number,
                &[("legacy", Wish::version(version / 2).replace()), ("web", Wish::version(version).calls("legacy"))],
            );
            revision.rollout.shift = vec![100];
            revision
        })
        .collect();
    let known: Vec<&Revision> = revisions.iter().collect();
    let outside = Outside::new(&EnvironmentState::default(), &known);
    let mut before: Option<(Controller, JoinHandle<Ended>)> = None;
    for revision in &revisions {
        if let Some((controller, task)) = before.take() {
            until_serving(&outside).await;
            controller.command(Command::Supersede);
            assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
        }
        let plan = deploy(&state(&outside, &known), Some(revision));
        outside.lock().standing = None;
        before = Some(begin(&outside, &plan));
    }
    let (_controller, task) = before.unwrap();
    assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
    assert_serves(&outside, revisions.last(), "eight in a row");
}

#[tokio::test(start_paused = true)]
async fn a_newer_deployment_does_not_disturb_one_that_has_not_got_all_traffic() {
    let (from, to) = versions();
    let outside = Outside::new(&running(&from), &[&to]);
    let (controller, task) = begin(&outside, &deploy(&running(&from), Some(&to)));
    sleep(Duration::from_secs(10)).await;
    controller.command(Command::Supersede);
    assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
    let calls = outside.lock().calls.clone();
    assert!(calls.contains(&"apply 1:50 2:50".to_owned()), "{calls:#?}");
    // What is left, the newer one takes over.
    assert!(outside.lock().instances.contains_key(&from.pools["web"].id));
}

#[tokio::test(start_paused = true)]
async fn a_plan_that_is_not_safe_is_not_begun() {
    let (from, to) = versions();
    let outside = Outside::new(&running(&from), &[&to]);
    let mut plan = deploy(&running(&from), Some(&to));
    plan.groups.retain(|group| !group.steps.iter().any(|step| matches!(step, Step::Healthy { .. })));
    let (_controller, task) = begin(&outside, &plan);
    let ended = task.await.unwrap();
    assert_eq!(ended.outcome, Outcome::Failed);
    assert!(ended.failure.unwrap().message.contains("before it is healthy"));
    assert_eq!(outside.lock().calls, ["outcome Failed"]);
}

#[tokio::test(start_paused = true)]
async fn independent_pools_start_at_the_same_time() {
    let to = revision(1, &[("a", Wish::version(1)), ("b", Wish::version(1)), ("c", Wish::version(1))]);
    let outside = Outside::new(&EnvironmentState::default(), &[&to]);
    let start = Instant::now();
    let (_controller, task) = begin(&outside, &deploy(&EnvironmentState::default(), Some(&to)));
    assert_eq!(task.await.unwrap().outcome, Outcome::Succeeded);
    assert_eq!(start.elapsed().as_secs(), 2);
}
