//! Services call each other, and a deployment of either loses no call.

use crate::support::alone;
use crate::support::load::{Kind, Load};
use crate::support::manifest::{HOST, Service, app};
use crate::support::world::World;
use serde_json::Value;

const CLIENTS: [(Kind, usize); 1] = [(Kind::Call, 8)];

fn pair(version: &str, back: Service, dev: &[&str]) -> String {
    let web = Service::web("web", version).line("calls = [\"back\"]").env("CALL_URL", "${back.url}");
    app(&[web, back], dev)
}

fn back(version: &str) -> Service {
    Service::web("back", version)
}

#[test]
fn calls_stay_in_the_callers_release_and_none_is_lost() {
    let _alone = alone();
    let dev = ["shift = [\"50%\", \"100%\"]", "shift_every = \"400ms\"", "bake = \"300ms\""];
    let world = World::with(&pair("v0", back("v0").line("replicas = 2"), &dev));
    world.up();
    // Every answer names the versions of caller and callee; the load fails where they differ.
    let load = Load::start(world.port, HOST, &CLIENTS);
    for version in ["v1", "v2", "v3", "v4"] {
        world.deploy(&pair(version, back(version).line("replicas = 2"), &dev));
    }
    world.run(&["rollback", "dev"]).expect(0);
    world.outcome();
    let report = load.finish();
    report.assert_nothing_failed();
    assert!(report.ok > 200, "only {} calls", report.ok);
    assert_eq!(world.assert_settled(), "v3");
}

/// The process of the caller that belongs to the revision that serves.
fn caller(world: &World) -> Value {
    let dev = world.dev();
    let services = dev["services"].as_array().into_iter().flatten();
    let web = services.filter(|service| service["service"] == "web").flat_map(|web| web["instances"].as_array());
    web.flatten().find(|instance| instance["current"] == true).map(|one| one["pid"].clone()).expect("a caller")
}

#[test]
fn a_callee_alone_can_be_scaled_and_changed() {
    let world = World::with(&pair("one", back("one"), &[]));
    world.up();
    let load = Load::start(world.port, HOST, &CLIENTS);
    let before = caller(&world);
    world.deploy(&pair("one", back("one").line("replicas = 3"), &[]));
    assert_eq!(caller(&world), before, "a caller does not care how many there are");
    world.deploy(&pair("one", back("one").env("START_DELAY_MS", "1"), &[]));
    assert_ne!(caller(&world), before, "a caller belongs to its callee's release");
    world.outcome();
    load.finish().assert_nothing_failed();
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn a_callee_that_changes_over_holds_calls() {
    let port = crate::support::world::free_port();
    let single = |version: &str| {
        let single = back(version).line("update = \"replace\"").line(&format!("port = {port}"));
        single.env("FIXED_PORT", &port.to_string()).env("START_DELAY_MS", "200")
    };
    let world = World::with(&pair("v0", single("v0"), &["bake = \"0s\""]));
    world.up();
    let load = Load::start(world.port, HOST, &[(Kind::Get, 2), (Kind::FreshGet, 2)]);
    // Old callers reach the new callee while they drain: that is why their versions are not compared here.
    let calls = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (going, gateway) = (calls.clone(), world.port);
    let calling = std::thread::spawn(move || {
        while going.load(std::sync::atomic::Ordering::Relaxed) {
            let answer = crate::support::http::get(gateway, HOST, "/call").expect("an answer");
            let version = answer.header("x-version").unwrap_or("?");
            assert_eq!(answer.status, 200, "{version}: {}", answer.text());
        }
    });
    world.deploy(&pair("v1", single("v1"), &["bake = \"0s\""]));
    world.deploy(&pair("v2", single("v2"), &["bake = \"0s\""]));
    world.outcome();
    calls.store(false, std::sync::atomic::Ordering::Relaxed);
    calling.join().expect("every call was answered");
    load.finish().assert_nothing_failed();
    assert_eq!(world.assert_settled(), "v2");
}
