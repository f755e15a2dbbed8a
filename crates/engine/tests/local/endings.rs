//! Ends: asked for politely, then not.

use crate::world::{World, eventually, is_alive};
use seaworthy_deploy::Target as _;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_program_is_asked_first_and_may_say_goodbye() {
    let world = World::new();
    let spec = world.script("trap 'echo goodbye; exit 0' TERM; echo ready; while :; do sleep 0.01; done");
    world.up(&spec).await;
    eventually("it is ready", || (world.lines(1) == ["ready"]).then_some(())).await;
    let started = Instant::now();
    world.target().stop(&spec.id).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(8), "it did not wait for the grace time to pass");
    // The shell itself says that its `sleep` was terminated.
    assert!(world.lines(2).contains(&"goodbye".to_owned()), "{:?}", world.lines(2));
    assert!(world.target().pools(&spec.app, &spec.environment).await.unwrap().is_empty());
    assert!(world.target().deaf_services(&spec.app, &spec.environment).unwrap().is_empty());
    world.target().stop(&spec.id).await.unwrap();
    world.end().await;
}

#[tokio::test]
async fn who_ignores_sigterm_is_killed_after_the_grace_time_with_all_children() {
    let world = World::new();
    let script = "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & \
        setsid sleep 1000 & echo ready; while :; do sleep 1; done";
    let mut spec = world.script(script);
    spec.tuning.grace = Duration::from_millis(300);
    world.target().start(&spec).await.unwrap();
    eventually("it is ready", || (world.lines(1) == ["ready"]).then_some(())).await;
    let started = Instant::now();
    world.target().stop(&spec.id).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(300));
    let deaf = world.target().deaf_services(&spec.app, &spec.environment).unwrap();
    assert!(deaf.contains(spec.service.as_str()) && deaf.len() == 1, "{deaf:?}");
    world.end().await;
}

#[tokio::test]
async fn a_program_that_waits_to_be_started_again_ends_at_once() {
    let mut world = World::new();
    world.options.back_off.first = Duration::from_secs(20);
    world.options.back_off.longest = Duration::from_secs(20);
    world.restart_node();
    let spec = world.script("exit 1");
    world.target().start(&spec).await.unwrap();
    eventually("it has ended", || world.instance(&spec.id).last_exit).await;
    let started = Instant::now();
    world.target().stop(&spec.id).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(8));
    world.end().await;
}

#[tokio::test]
async fn a_node_that_died_while_stopping_finishes_when_it_comes_back() {
    let mut world = World::new();
    let mut spec = world.script("trap '' TERM; echo ready; while :; do sleep 0.1; done");
    spec.tuning.grace = Duration::from_secs(1);
    world.up(&spec).await;
    eventually("it is ready", || (world.lines(1) == ["ready"]).then_some(())).await;
    let pid = world.instance(&spec.id).pid.unwrap();
    let stopping = tokio::time::timeout(Duration::from_millis(100), world.target().stop(&spec.id)).await;
    assert!(stopping.is_err(), "it is given up in the middle");
    world.restart_node();
    let adopted = world.target().adopt().await.unwrap();
    assert_eq!(adopted.removed, [spec.id.instance(0).0]);
    assert!(!is_alive(pid));
    assert!(world.target().status().unwrap().is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_volume_outlives_its_pool() {
    let world = World::new();
    let mut spec = world.script("echo kept > \"$DATA/file\"; echo done; exec cat");
    spec.volumes.insert(crate::world::name("data"), "/data".to_owned());
    crate::world::set(&mut spec, "DATA", "${volumes.data}");
    world.up(&spec).await;
    eventually("it has written", || (world.lines(1) == ["done"]).then_some(())).await;
    world.target().stop(&spec.id).await.unwrap();
    let file = world.options.home.join("volumes/app/test/script/data/file");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "kept\n");
    world.end().await;
}
