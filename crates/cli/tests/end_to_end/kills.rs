//! Things die: what was inside them is lost, and nothing else.

use crate::support::bytes::Callers;
use crate::support::load::{Kind, Load, Report};
use crate::support::manifest::{HOST, Service, app};
use crate::support::processes::{self, Role, is_alive};
use crate::support::world::World;
use crate::support::{alone, wait_for};
use std::time::Duration;

const POSTS: usize = 4;
const CLIENTS: [(Kind, usize); 5] =
    [(Kind::Get, 6), (Kind::FreshGet, 3), (Kind::Post, POSTS), (Kind::Slow(5000), 4), (Kind::WebSocket, 4)];
const SOON: Duration = Duration::from_secs(15);

fn world() -> World {
    let web = Service::web("web", "one").line("replicas = 2");
    let world = World::with(&app(&[web], &["bake = \"0s\""]));
    world.up();
    world
}

/// Waits until that many more requests were answered: life goes on.
fn goes_on(load: &Load, more: u64) {
    let before = load.so_far().ok;
    wait_for("requests that are answered", SOON, || (load.so_far().ok > before + more).then_some(()));
}

/// What cannot be sent twice may be lost once with each client that had one in flight; idempotent requests may not.
fn assert_only_what_was_inside(report: &Report) {
    let lost = |kind: Kind| report.failures.iter().filter(|failure| failure.kind == kind).count();
    assert_eq!(lost(Kind::Get) + lost(Kind::FreshGet) + lost(Kind::Slow(5000)), 0, "{:#?}", report.failures);
    assert!(lost(Kind::Post) <= POSTS && lost(Kind::WebSocket) <= 4, "{:#?}", report.failures);
    assert_eq!(usize::try_from(report.failed).ok(), Some(report.failures.len()), "{:#?}", report.failures);
}

#[test]
fn of_an_instance_only_what_it_was_doing_is_lost() {
    let _alone = alone();
    let world = world();
    let before = world.program_pids();
    let load = Load::start(world.port, HOST, &CLIENTS);
    goes_on(&load, 500);
    processes::kill(before[0]);
    wait_for("a new program beside the old one", SOON, || {
        let now = world.program_pids();
        (now.len() == 2 && now.contains(&before[1]) && !now.contains(&before[0])).then_some(())
    });
    goes_on(&load, 500);
    assert_only_what_was_inside(&load.finish());
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn of_a_shim_the_program_goes_with_it_and_both_come_back() {
    let _alone = alone();
    let world = world();
    let before = world.program_pids();
    let load = Load::start(world.port, HOST, &CLIENTS);
    goes_on(&load, 500);
    let shim = world.processes().iter().find(|process| process.pid == before[0]).expect("a program").parent;
    processes::kill(shim);
    wait_for("the program's end", SOON, || (!is_alive(before[0])).then_some(()));
    wait_for("a new shim and program", SOON, || {
        let now = world.program_pids();
        (now.len() == 2 && !now.contains(&before[0]) && now.iter().all(|pid| is_alive(*pid))).then_some(())
    });
    goes_on(&load, 500);
    assert_only_what_was_inside(&load.finish());
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn of_the_node_nobody_notices_and_the_next_one_adopts_everything() {
    let _alone = alone();
    let world = world();
    let before = (world.program_pids(), world.pids(Role::Shim), world.pid(Role::GatewayWorker));
    let load = Load::start(world.port, HOST, &CLIENTS);
    goes_on(&load, 500);
    let node = world.pid(Role::Node);
    processes::kill(node);
    wait_for("the node's end", SOON, || (!is_alive(node)).then_some(()));
    goes_on(&load, 500);
    assert_eq!(world.count(Role::Node), 0);
    // Any verb brings it back.
    assert_eq!(world.program_pids(), before.0);
    assert_ne!(world.pid(Role::Node), node);
    goes_on(&load, 500);
    load.finish().assert_nothing_failed();
    assert_eq!((world.program_pids(), world.pids(Role::Shim), world.pid(Role::GatewayWorker)), before);
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn of_the_gateways_worker_no_connection_is_refused() {
    let _alone = alone();
    let world = world();
    // Each request has a connection of its own: what is in flight is at most one per client.
    let load = Load::start(world.port, HOST, &[(Kind::FreshGet, 8)]);
    goes_on(&load, 300);
    let counted = || world.dev()["services"][0]["requests"].as_u64().expect("a count");
    let before = counted();
    let worker = world.pid(Role::GatewayWorker);
    processes::kill(worker);
    wait_for("another worker", SOON, || {
        let now = world.pids(Role::GatewayWorker);
        (now.len() == 1 && now[0] != worker).then_some(())
    });
    // A worker that counted anew would begin below what was counted before.
    assert!(counted() >= before, "{} requests by now, {before} before the worker's end", counted());
    goes_on(&load, 300);
    wait_for("counts of the new worker", SOON, || (counted() >= before + 300).then_some(()));
    let report = load.finish();
    assert!(report.failed <= 8, "{:#?}", report.failures);
    let refused = report.failures.iter().filter(|failure| failure.text.contains("refused")).count();
    assert_eq!(refused, 0, "{:#?}", report.failures);
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn of_the_gateways_worker_each_connection_loses_what_was_in_flight_and_no_more() {
    let _alone = alone();
    let bytes = Service::new("bytes", "one").line("protocol = \"tcp\"").env("MODE", "tcp");
    let web = Service::web("web", "one").line("calls = [\"bytes\"]").env("BYTES_PORT", "${bytes.port}");
    // The test is a caller, too: it can be one where instances have no network of their own.
    let world = World::with(&app(&[web, bytes], &["bake = \"0s\"", "isolation = \"none\""]));
    world.up();
    let port = world.run(&["run", "dev", "web", "--", "sh", "-c", "echo $BYTES_PORT"]).expect(0).stdout;
    let kinds = [(Kind::Get, 4), (Kind::Post, 4), (Kind::WebSocket, 3)];
    let load = Load::start(world.port, HOST, &kinds);
    let callers = Callers::start(port.trim().parse().expect("a port"), 3);
    goes_on(&load, 300);
    callers.go_on(20);
    let worker = world.pid(Role::GatewayWorker);
    processes::kill(worker);
    wait_for("another worker", SOON, || {
        let now = world.pids(Role::GatewayWorker);
        (now.len() == 1 && now[0] != worker).then_some(())
    });
    goes_on(&load, 300);
    callers.go_on(20);
    let report = load.finish();
    for (kind, clients) in kinds {
        let lost = report.failures.iter().filter(|failure| failure.kind == kind).count();
        assert!(lost <= clients, "{clients} clients of {kind:?} lost {lost}: {:#?}", report.failures);
    }
    assert_eq!(usize::try_from(report.failed).ok(), Some(report.failures.len()), "{:#?}", report.failures);
    let lost: Vec<String> = callers.finish();
    assert!(lost.len() <= 3, "{lost:#?}");
    let all = report.failures.iter().map(|failure| &failure.text).chain(&lost);
    assert_eq!(all.filter(|text| text.contains("refused")).count(), 0, "{:#?} {lost:#?}", report.failures);
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn of_the_whole_gateway_the_node_makes_another() {
    let world = world();
    let (parent, worker) = (world.pid(Role::GatewayParent), world.pid(Role::GatewayWorker));
    processes::kill(parent);
    processes::kill_if_there(worker);
    wait_for("another gateway", SOON, || world.get("/version").ok().filter(|answer| answer.status == 200));
    assert_eq!(world.assert_settled(), "one");
}
