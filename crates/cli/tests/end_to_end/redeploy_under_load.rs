//! The promise that everything else hangs from: no request fails because of a deployment.

use crate::support::alone;
use crate::support::load::{Kind, Load};
use crate::support::manifest::{HOST, Service, app};
use crate::support::world::{World, tell};
use std::time::Instant;

/// Deployments under one load.
const DEPLOYMENTS: usize = 22;
/// Below this the load is no load (requests per second).
const LOAD_MIN: f64 = 1000.0;

const CLIENTS: [(Kind, usize); 5] =
    [(Kind::Get, 8), (Kind::FreshGet, 3), (Kind::Post, 4), (Kind::Slow(5000), 6), (Kind::WebSocket, 6)];

fn manifest(version: usize, isolation: &str) -> String {
    let web = Service::web("web", &format!("v{version}")).line("replicas = 2").line("drain = \"7s\"");
    // Some at once, some in steps, some with a time in which the old revision is warm.
    let dev: &[&str] = match version % 5 {
        3 => &["shift = [\"10%\", \"50%\", \"100%\"]", "shift_every = \"150ms\"", "bake = \"0s\""],
        4 => &["shift = [\"50%\", \"100%\"]", "shift_every = \"100ms\"", "bake = \"300ms\""],
        _ => &["bake = \"0s\""],
    };
    app(&[web], &[dev, &[isolation]].concat())
}

#[test]
fn no_request_fails_through_many_deployments_in_the_sandbox() {
    through_many_deployments("isolation = \"sandbox\"");
}

#[test]
fn no_request_fails_through_many_deployments_without_one() {
    through_many_deployments("isolation = \"none\"");
}

fn through_many_deployments(isolation: &str) {
    let _alone = alone();
    let world = World::with(&manifest(0, isolation));
    world.up();
    let load = Load::start(world.port, HOST, &CLIENTS);
    let began = Instant::now();
    for version in 1..=DEPLOYMENTS {
        world.deploy(&manifest(version, isolation));
        let so_far = load.so_far();
        assert_eq!(so_far.failed, 0, "by deployment {version}: {:#?}", so_far.failures);
    }
    let took = began.elapsed();
    // The last deployment's drain belongs to it.
    world.outcome();
    let report = load.finish();
    tell(&format!(
        "{isolation}: {DEPLOYMENTS} deployments in {took:?} under {:.0} requests/s: {report:?}",
        report.per_second()
    ));
    report.assert_nothing_failed();
    assert!(report.closed_politely > 0, "no WebSocket was ever drained");
    assert!(report.per_second() > LOAD_MIN, "only {:.0} requests/s", report.per_second());
    assert_eq!(world.assert_settled(), format!("v{DEPLOYMENTS}"));
}

#[test]
fn rollbacks_and_scaling_lose_nothing_either() {
    let _alone = alone();
    let with = |version: &str, replicas: u16| {
        app(&[Service::web("web", version).line(&format!("replicas = {replicas}"))], &["bake = \"0s\""])
    };
    let world = World::with(&with("one", 2));
    world.up();
    let load = Load::start(world.port, HOST, &CLIENTS[..3]);
    world.deploy(&with("two", 2));
    world.run(&["rollback", "dev"]).expect(0);
    world.deploy(&with("one", 4));
    world.outcome();
    assert_eq!(world.program_pids().len(), 4);
    world.deploy(&with("one", 1));
    world.outcome();
    load.finish().assert_nothing_failed();
    assert_eq!(world.assert_settled(), "one");
}
