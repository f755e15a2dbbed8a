//! Every step of a deployment that can fail from outside does: the old revision serves, and the message says why.

use crate::support::deployment::Watched;
use crate::support::http::get;
use crate::support::load::{Kind, Load};
use crate::support::manifest::{HOST, Service, app, small};
use crate::support::processes::{self, Role};
use crate::support::world::{Ran, World};
use seaworthy_host::process::{Signal, signal};
use std::time::Duration;

const LIGHT: [(Kind, usize); 3] = [(Kind::Get, 2), (Kind::FreshGet, 1), (Kind::Post, 1)];

/// Deploys a release that must fail while users are served by the old one.
fn fails(world: &World, service: Service, dev: &[&str]) -> Ran {
    let load = Load::start(world.port, HOST, &LIGHT);
    world.write_manifest(&app(&[service], dev));
    let ran = world.run(&["up"]).expect(1);
    load.finish().assert_nothing_failed();
    assert_eq!(world.outcome(), "failed");
    assert_eq!(world.assert_settled(), "good");
    ran
}

fn bad() -> Service {
    Service::web("web", "bad")
}

#[test]
fn each_step_before_the_shift() {
    let world = World::with(&small("good"));
    world.up();
    let migrating = bad().line("before = [\"./subject\", \"migrate\"]").env("MIGRATE_EXIT", "7");
    fails(&world, migrating, &[]).says("7").says("migrating for bad");
    fails(&world, bad().env("CRASH", "at-start"), &[]).says("crashing on purpose").says("help:");
    fails(&world, bad().env("CRASH", "100").line("healthy_for = \"3s\""), &[]).says("crashing on purpose");
    fails(&world, bad().env("HEALTH_STATUS", "503").line("start_timeout = \"700ms\""), &[]).says("503");
    let hanging = bad().env("HANG", "at-start").line("start_timeout = \"700ms\"");
    fails(&world, hanging, &[]).says("hanging before listening");
}

#[test]
fn a_program_that_is_not_there_is_refused_before_anything_starts() {
    let world = World::with(&small("good"));
    world.up();
    world.write_manifest(&app(&[bad().line("run = [\"./missing\"]")], &[]));
    let ran = world.run(&["up"]).says("missing").says("help:");
    assert!(matches!(ran.code, 1 | 2), "exit code {}", ran.code);
    assert_eq!(world.assert_settled(), "good");
}

#[test]
fn too_many_errors_at_a_shift_go_back() {
    let world = World::with(&small("good"));
    world.up();
    let load = Load::start(world.port, HOST, &[(Kind::FreshGet, 4)]);
    world.write_manifest(&app(&[bad().env("FAIL", "500")], &["shift = [\"50%\", \"100%\"]", "shift_every = \"5s\""]));
    let ran = world.run(&["up"]).expect(1).says("5xx");
    let report = load.finish();
    assert!(report.failed > 0, "nobody saw the bad release: {}", ran.stderr);
    assert!(report.failures.iter().all(|f| f.text.contains("failing on purpose")), "{:#?}", report.failures);
    assert_eq!(world.outcome(), "failed");
    assert_eq!(world.assert_settled(), "good");
}

#[test]
fn a_deployment_under_way_refuses_others_and_can_be_stopped() {
    let world = World::with(&small("good"));
    world.up();
    world.write_manifest(&app(&[bad().env("START_DELAY_MS", "8000").line("start_timeout = \"20s\"")], &[]));
    let mut deployment = world.begin(&[]);
    assert!(deployment.until_step("healthy"));
    world.write_manifest(&small("other"));
    let user = seaworthy_host::peer::user_name(seaworthy_host::peer::effective_uid()).unwrap_or_default();
    world.run(&["up"]).expect(2).says(&user);
    world.run(&["rollback", "dev"]).expect(0);
    let (code, said) = deployment.finish();
    assert_eq!(code, 1, "{said}");
    assert_eq!(world.outcome(), "cancelled");
    assert_eq!(world.assert_settled(), "good");
}

#[test]
fn a_newer_deployment_ends_a_bake() {
    let bake = |version: &str| app(&[Service::web("web", version)], &["bake = \"10m\""]);
    let world = World::with(&bake("one"));
    for version in ["one", "two", "three"] {
        world.deploy(&bake(version));
        assert_eq!(world.text("/version"), version);
    }
    world.run(&["rollback", "dev"]).expect(0);
    assert_eq!(world.text("/version"), "two", "a warm revision is back at once");
    let waited = std::time::Instant::now();
    world.deploy(&app(&[Service::web("web", "last")], &["bake = \"0s\""]));
    assert_eq!(world.outcome(), "succeeded");
    assert!(waited.elapsed() < Duration::from_secs(30));
    assert_eq!(world.assert_settled(), "last");
}

#[test]
fn a_scale_whose_instances_cannot_be_started() {
    let with = |replicas: u16| app(&[Service::web("web", "good").line(&format!("replicas = {replicas}"))], &[]);
    let world = World::with(&with(1));
    world.up();
    // Something lies where the second instance is to have its folder.
    let first = world.dev()["services"][0]["instances"][0]["id"].as_str().expect("an instance").to_owned();
    let obstacle = world.home.join("instances").join(format!("{}1", first.trim_end_matches('0')));
    std::fs::File::create(&obstacle).expect("the folder of the instances");
    let load = Load::start(world.port, HOST, &LIGHT);
    world.write_manifest(&with(3));
    let mut deployment = world.begin(&[]);
    assert!(deployment.until(|event| event["event"] == "failed" && event["step"] == "scale"), "{:#?}", deployment.seen);
    std::fs::remove_file(obstacle).expect("the obstacle");
    let (code, said) = deployment.finish();
    assert_eq!(code, 1, "{said}");
    load.finish().assert_nothing_failed();
    assert_eq!(world.outcome(), "failed");
    assert_eq!((world.assert_settled().as_str(), world.program_pids().len()), ("good", 1));
    world.up();
    assert_eq!((world.assert_settled().as_str(), world.program_pids().len()), ("good", 3));
}

/// Begins a deployment with something in flight, and waits until a step begins.
fn until(world: &World, version: &str, step: &str) -> Watched {
    let port = world.port;
    std::thread::spawn(move || get(port, HOST, "/slow?ms=1500"));
    world.write_manifest(&deaf(version));
    let mut deployment = world.begin(&["--wait", "bake"]);
    assert!(deployment.until_step(step), "no step `{step}`: {:?}", deployment.steps());
    deployment
}

fn deaf(version: &str) -> String {
    let web = Service::web("web", version).env("IGNORE_TERM", "yes").line("grace = \"900ms\"");
    app(&[web], &["bake = \"0s\""])
}

#[test]
fn a_drain_in_which_the_gateway_dies() {
    let world = World::with(&deaf("good"));
    world.up();
    let deployment = until(&world, "new", "drain");
    processes::kill(world.pid(Role::GatewayParent));
    world.pids(Role::GatewayWorker).into_iter().for_each(processes::kill_if_there);
    let (code, said) = deployment.finish();
    assert_eq!((code, world.outcome().as_str()), (0, "succeeded"), "{said}");
    assert_eq!(world.assert_settled(), "new");
}

#[test]
fn a_stop_in_which_the_shim_dies_or_hangs() {
    let world = World::with(&deaf("v0"));
    world.up();
    for (version, end) in [("v1", Signal::SIGKILL), ("v2", Signal::SIGSTOP)] {
        let old = world.pid(Role::Shim);
        let deployment = until(&world, version, "stop");
        signal(old, end).expect("permission");
        let (code, said) = deployment.finish();
        assert_eq!((code, world.outcome().as_str()), (0, "succeeded"), "{said}");
        assert_eq!(world.assert_settled(), version);
    }
}
