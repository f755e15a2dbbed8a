//! A check that somebody stops, or that is killed: nothing of it stays.

use crate::printed_live::Live;
use crate::support::manifest::{Service, app};
use crate::support::processes::{self, Role};
use crate::support::wait_for;
use crate::support::world::World;
use std::fs;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// A committed app with a check whose service takes its time to start.
fn slow() -> World {
    let web = Service::web("web", "one").line("checks = [\"front.hurl\"]").line("start_timeout = \"120s\"");
    let world = World::with(&app(&[web.env("START_DELAY_MS", "100000")], &[]));
    world.write("front.hurl", "GET {{url}}/version\nHTTP 200\n");
    world.commit();
    world
}

fn until_the_service_runs(world: &World) {
    wait_for("the service on the throwaway node", SOON, || {
        world.processes().iter().any(|process| process.command.contains("./subject")).then_some(())
    });
}

fn until_nothing_is_left(world: &World) {
    wait_for("the end of everything", SOON, || world.processes().is_empty().then_some(()));
}

#[test]
fn ctrl_c_ends_programs_and_node_and_says_so() {
    let world = slow();
    let live = Live::begin(&world, &["check"]);
    until_the_service_runs(&world);
    let ran = live.interrupt();
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    assert!(ran.stdout.contains("the check was stopped"), "{}", ran.stdout);
    assert!(world.processes().is_empty(), "{:#?}", world.processes());
    assert_eq!(fs::read_dir(world.home.join("throwaway")).map_or(0, Iterator::count), 0);
}

/// A committed app whose test starts a program that hides from its shell, and says who both are.
fn long_test() -> World {
    let line = "test = \"setsid sleep 300 & echo began $$ and $! here; sleep 300\"";
    let world = World::with(&app(&[Service::web("web", "one").line(line)], &[]));
    world.commit();
    world
}

/// The process ids that the test has told.
fn told(live: &Live) -> Vec<u32> {
    wait_for("the test's programs", SOON, || {
        let seen = live.stderr.text();
        let words = seen.split("began ").nth(1)?.split(" here").next()?;
        words.split(" and ").map(|pid| pid.parse().ok()).collect()
    })
}

fn until_gone(pids: &[u32]) {
    assert_eq!(pids.len(), 2);
    wait_for("the end of what a test started", SOON, || {
        (!pids.iter().any(|pid| processes::is_alive(*pid))).then_some(())
    });
}

#[test]
fn ctrl_c_ends_what_a_test_started() {
    let world = long_test();
    let live = Live::begin(&world, &["check"]);
    let pids = told(&live);
    assert!(pids.iter().all(|pid| processes::is_alive(*pid)));
    let ran = live.interrupt();
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    until_gone(&pids);
}

#[test]
fn what_a_test_started_ends_with_a_check_that_was_killed() {
    let limited = seaworthy_host::linux::cgroups::Hierarchies::find();
    if limited.folders().is_empty() {
        return;
    }
    let world = long_test();
    let mut live = Live::begin(&world, &["check"]);
    let pids = told(&live);
    live.child.kill().expect("a child");
    live.child.wait().expect("a child");
    until_gone(&pids);
}

#[test]
fn a_node_whose_check_was_killed_takes_everything_with_it() {
    let world = slow();
    let mut live = Live::begin(&world, &["check"]);
    until_the_service_runs(&world);
    live.child.kill().expect("a child");
    live.child.wait().expect("a child");
    until_nothing_is_left(&world);
    assert_eq!(fs::read_dir(world.home.join("throwaway")).map_or(0, Iterator::count), 0);
}

#[test]
fn the_next_check_ends_what_was_killed_with_its_node() {
    let world = slow();
    let mut live = Live::begin(&world, &["check"]);
    until_the_service_runs(&world);
    processes::kill(world.pid(Role::Node));
    live.child.kill().expect("a child");
    live.child.wait().expect("a child");
    assert!(world.count(Role::Shim) > 0, "instances outlive their node");
    let web = Service::web("web", "two").line("checks = [\"front.hurl\"]");
    world.write_manifest(&app(&[web], &[]));
    world.commit();
    world.run(&["check"]).expect(0);
    until_nothing_is_left(&world);
    assert_eq!(fs::read_dir(world.home.join("throwaway")).map_or(0, Iterator::count), 0);
}
