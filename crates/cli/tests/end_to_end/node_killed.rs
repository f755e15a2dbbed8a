//! The node is killed in every step of a deployment. Whoever comes next finishes it or undoes it, and nobody notices.

use crate::support::http::get;
use crate::support::load::{Kind, Load};
use crate::support::manifest::{HOST, Service, app};
use crate::support::processes::{self, Role};
use crate::support::world::{World, free_port, tell};

const LIGHT: [(Kind, usize); 3] = [(Kind::Get, 2), (Kind::FreshGet, 1), (Kind::Post, 1)];

/// A service whose every step takes long enough to be killed in.
fn slow(version: &str) -> Service {
    let web = Service::web("web", version).line("before = [\"./subject\", \"migrate\"]").line("grace = \"600ms\"");
    web.env("MIGRATE_MS", "300").env("START_DELAY_MS", "250").env("IGNORE_TERM", "yes").line("checks = [\"*.hurl\"]")
}

fn check(world: &World) {
    world.write("slow.hurl", "GET {{url}}/pid\n[Options]\ndelay: 300\nHTTP 200\n");
}

/// Kills the node when a step begins, lets the next verb bring it back, and checks what became of it. Returns the
/// version that serves.
fn kill_in(world: &World, step: &str, from: &str, to: &str) -> String {
    let mut deployment = world.begin(&["--wait", "bake"]);
    // Something to drain.
    let port = world.port;
    let slow = std::thread::spawn(move || get(port, HOST, "/slow?ms=1200"));
    let found = deployment.until_step(step);
    assert!(found, "no step `{step}` in {:?}", deployment.steps());
    processes::kill(world.pid(Role::Node));
    let outcome = world.outcome();
    let (code, said) = deployment.finish();
    let serves = world.assert_settled();
    assert_eq!(slow.join().expect("a thread").map(|answer| answer.status).expect("an answer"), 200);
    let dev = world.dev();
    let (revision, record) = (&dev["revision"], &dev["deployment"]);
    if outcome == "succeeded" {
        assert_eq!((serves.as_str(), code, revision), (to, 0, &record["to"]), "in `{step}`: {said}");
    } else {
        assert_eq!((serves.as_str(), code, revision), (from, 1, &record["from"]), "in `{step}`: {said}");
        assert!(record["failure"]["message"].is_string(), "in `{step}`: {record:#}");
    }
    tell(&format!("killed in `{step}`: {outcome}"));
    serves
}

fn kill_in_each(world: &World, steps: &[&str], manifest: impl Fn(&str) -> String) {
    check(world);
    world.deploy(&manifest("v0"));
    let load = Load::start(world.port, HOST, &LIGHT);
    let mut serves = "v0".to_owned();
    for (index, step) in steps.iter().enumerate() {
        let next = format!("v{}", index + 1);
        world.write_manifest(&manifest(&next));
        serves = kill_in(world, step, &serves, &next);
        let so_far = load.so_far();
        assert_eq!(so_far.failed, 0, "killed in `{step}`: {:#?}", so_far.failures);
    }
    load.finish().assert_nothing_failed();
}

#[test]
fn in_each_step_of_a_deployment_beside() {
    let dev = ["shift = [\"50%\", \"100%\"]", "shift_every = \"300ms\"", "bake = \"500ms\""];
    let steps = ["before", "start", "healthy", "smoke", "shift", "bake", "drain", "stop"];
    kill_in_each(&World::new(), &steps, |version| app(&[slow(version)], &dev));
}

#[test]
fn in_each_step_of_a_deployment_that_replaces() {
    let port = free_port();
    let steps = ["before", "hold", "stop-now", "start", "healthy", "smoke", "release"];
    kill_in_each(&World::new(), &steps, |version| {
        let web = slow(version).line("update = \"replace\"").line(&format!("port = {port}"));
        app(&[web.env("FIXED_PORT", &port.to_string())], &["bake = \"0s\""])
    });
}

#[test]
fn in_each_step_of_scaling() {
    let world = World::new();
    let with = |replicas: u16| {
        app(&[Service::web("web", "one").env("START_DELAY_MS", "250").line(&format!("replicas = {replicas}"))], &[])
    };
    world.deploy(&with(1));
    let load = Load::start(world.port, HOST, &LIGHT);
    for replicas in [3, 1] {
        world.write_manifest(&with(replicas));
        let mut deployment = world.begin(&["--wait", "bake"]);
        assert!(deployment.until_step("scale"), "{:?}", deployment.steps());
        processes::kill(world.pid(Role::Node));
        assert_eq!(world.outcome(), "succeeded");
        deployment.finish();
        assert_eq!(world.assert_settled(), "one");
        assert_eq!(world.program_pids().len(), usize::from(replicas));
    }
    load.finish().assert_nothing_failed();
}

/// Deploys what must fail, kills the node when a step of the way back begins, and checks that `from` serves afterwards.
fn kill_on_the_way_back(world: &World, step: &str, bad: &str, from: &str) {
    world.write_manifest(bad);
    let mut deployment = world.begin(&["--wait", "bake"]);
    let found = deployment.until(|event| event["event"] == "begun" && event["undo"] == true && event["step"] == step);
    assert!(found, "no step `{step}` on the way back: {:#?}", deployment.seen);
    processes::kill(world.pid(Role::Node));
    assert_eq!(world.outcome(), "failed", "in `{step}`");
    let (code, said) = deployment.finish();
    assert_eq!((code, world.assert_settled().as_str()), (1, from), "in `{step}`: {said}");
    let dev = world.dev();
    assert_eq!(dev["revision"], dev["deployment"]["from"], "in `{step}`: {dev:#}");
    assert!(dev["deployment"]["failure"]["message"].is_string(), "in `{step}`: {dev:#}");
}

#[test]
fn in_each_step_of_the_way_back_from_a_check() {
    let world = World::new();
    world.write("version.hurl", "GET {{url}}/version\nHTTP 200\n[Asserts]\nbody == \"good\"\n");
    let with = |version: &str| app(&[Service::web("web", version).line("checks = [\"version.hurl\"]")], &[]);
    world.deploy(&with("good"));
    let load = Load::start(world.port, HOST, &LIGHT);
    kill_on_the_way_back(&world, "stop", &with("bad"), "good");
    load.finish().assert_nothing_failed();
}

#[test]
fn in_each_step_of_the_way_back_from_a_shift() {
    let dev = ["shift = [\"50%\", \"100%\"]", "shift_every = \"20s\""];
    let world = World::with(&app(&[Service::web("web", "good")], &dev));
    world.up();
    let load = Load::start(world.port, HOST, &[(Kind::FreshGet, 6)]);
    let bad = app(&[Service::web("web", "bad").env("FAIL", "500").env("IGNORE_TERM", "yes")], &dev);
    for step in ["shift", "drain", "stop"] {
        kill_on_the_way_back(&world, step, &bad.replace("\"5s\"", "\"700ms\""), "good");
    }
    let report = load.finish();
    assert!(report.failures.iter().all(|f| f.text.contains("failing on purpose")), "{:#?}", report.failures);
}

#[test]
fn in_each_step_of_the_way_back_from_a_replacement() {
    let (world, port) = (World::new(), free_port());
    let single = |version: &str| {
        let web = Service::web("web", version).line("update = \"replace\"").line(&format!("port = {port}"));
        web.env("FIXED_PORT", &port.to_string()).env("START_DELAY_MS", "200")
    };
    world.deploy(&app(&[single("good")], &[]));
    let load = Load::start(world.port, HOST, &LIGHT);
    let bad = single("bad").env("HEALTH_STATUS", "503").line("start_timeout = \"700ms\"");
    let bad = app(&[bad.env("IGNORE_TERM", "yes").line("grace = \"500ms\"")], &[]);
    for step in ["hold", "stop-now", "start", "healthy", "release", "stop"] {
        kill_on_the_way_back(&world, step, &bad, "good");
    }
    load.finish().assert_nothing_failed();
}

#[test]
fn before_a_first_deployment_is_done() {
    let world = World::with(&app(&[slow("one").line("checks = []")], &[]));
    for step in ["before", "start", "healthy"] {
        let mut deployment = world.begin(&[]);
        if !deployment.until_step(step) {
            break; // the one before was finished by the next node
        }
        processes::kill(world.pid(Role::Node));
        let outcome = world.outcome();
        deployment.finish();
        assert_eq!(outcome, "succeeded", "nothing was wrong with the release");
        assert_eq!(world.assert_settled(), "one");
        world.run(&["down", "dev"]).expect(0);
        assert_eq!(world.count(Role::Program), 0);
    }
}

#[test]
fn who_deploys_at_once_when_the_node_is_back_keeps_what_was_started() {
    let slow = |version: &str| app(&[Service::web("web", version).line("healthy_for = \"1s\"")], &[]);
    let world = World::with(&slow("one"));
    world.up();
    for version in ["two", "three"] {
        world.run(&["node", "stop"]).expect(0);
        world.run(&["node", "start"]).expect(0);
        world.deploy(&slow(version));
        assert_eq!(world.assert_settled(), version);
    }
}
