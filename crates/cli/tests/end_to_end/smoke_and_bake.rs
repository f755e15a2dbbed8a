//! Before users reach a release it is checked, and after they do it is watched.

use crate::support::http::Connection;
use crate::support::load::{Kind, Load};
use crate::support::manifest::{HOST, Service, app};
use crate::support::wait_for;
use crate::support::world::World;
use std::fs;
use std::time::Duration;

/// The check takes a while, so that there is time to try to reach the candidate.
const CHECK: &str = "GET {{url}}/pid\n[Options]\ndelay: 800\nHTTP 200\n[Asserts]\nheader \"x-version\" != \"bad\"\n";

/// A service that writes down who asked it for what, and fails while a file of its version is there.
fn recording(name: &'static str, version: &str) -> Service {
    let service = Service::web(name, version).line("volumes.data = \"/data\"");
    let service = service.env("RECORD_FILE", "${volumes.data}/record");
    service.env("FAIL_FILE", &format!("${{volumes.data}}/fail-{version}"))
}

/// The caller `web` and the callee `back`.
fn pair(version: &str, dev: &[&str]) -> String {
    let web = recording("web", version).line("calls = [\"back\"]").env("CALL_URL", "${back.url}");
    app(&[web, recording("back", version)], dev)
}

#[test]
fn a_release_whose_smoke_check_fails_never_receives_a_users_request() {
    let world = World::new();
    world.write("checks.hurl", CHECK);
    let with = |version: &str| app(&[recording("web", version).line("checks = [\"checks.hurl\"]")], &[]);
    world.deploy(&with("good"));
    let load = Load::start(world.port, HOST, &[(Kind::Get, 3), (Kind::FreshGet, 2)]);
    world.write_manifest(&with("bad"));
    let mut deployment = world.begin(&[]);
    assert!(deployment.until_step("smoke"), "{:?}", deployment.steps());
    let asked = knock(&world);
    let (code, said) = deployment.finish();
    assert_eq!(code, 1, "{said}");
    for part in ["checks.hurl", "x-version", "bad"] {
        assert!(said.contains(part), "no `{part}` in {said}");
    }
    assert!(asked > 20, "only {asked} requests were tried while the candidate was there");
    load.finish().assert_nothing_failed();
    let record = world.record("web");
    let bad: Vec<&String> = record.iter().filter(|line| line.starts_with("bad ")).collect();
    assert!(!bad.is_empty() && bad.iter().all(|line| *line == "bad GET /pid"), "the candidate got {bad:?}");
    assert_eq!(world.assert_settled(), "good");
}

/// Tries to reach the candidate by every header that anybody might think of; counts the tries.
fn knock(world: &World) -> usize {
    let dev = world.dev();
    let candidate = dev["deployment"]["to"].as_u64().unwrap_or(2);
    let names = ["revision", "release", "variant", "pinned", "group", "pool", "weight", "candidate", "caller"];
    let mut asked = 0;
    for name in names {
        for value in [candidate.to_string(), "subject/dev".to_owned(), "true".to_owned()] {
            let head = format!("GET /headers HTTP/1.1\r\nhost: {HOST}\r\nX-Seaworthy-{name}: {value}\r\n\r\n");
            let answer = Connection::open(world.port).and_then(|mut c| c.send(&head, b"")).expect("an answer");
            assert_eq!(answer.header("x-version"), Some("good"), "reached by x-seaworthy-{name}: {value}");
            assert!(!answer.text().to_lowercase().contains("x-seaworthy-"), "{}", answer.text());
            asked += 1;
        }
    }
    asked
}

#[test]
fn a_check_that_cannot_run_refuses_the_deployment() {
    let world = World::with(&app(&[Service::web("web", "good")], &[]));
    world.up();
    world.write("checks.hurl", "GET {{no_such_variable}}/pid\nHTTP 200\n");
    world.write_manifest(&app(&[Service::web("web", "bad").line("checks = [\"checks.hurl\"]")], &[]));
    world.run(&["up"]).expect(1).says("no_such_variable");
    assert_eq!(world.assert_settled(), "good");
}

/// Deploys `two`, lets its `web` fail during the bake, and waits for the end.
fn fails_in_bake(world: &World, two: &str) -> String {
    world.deploy(two);
    assert_eq!(world.text("/call"), "two two");
    assert_eq!(world.dev()["deployment"]["outcome"], "baking");
    fs::File::create(world.volume("web").join("fail-two")).expect("the volume");
    let load = Load::start(world.port, HOST, &[(Kind::FreshGet, 4)]);
    let outcome = world.outcome();
    load.finish();
    outcome
}

#[test]
fn a_release_that_fails_during_its_bake_goes_back_with_all_its_services() {
    let world = World::with(&pair("one", &["bake = \"20s\""]));
    world.up();
    assert_eq!(fails_in_bake(&world, &pair("two", &["bake = \"20s\""])), "returned");
    assert_eq!(world.text("/call"), "one one");
    assert_eq!(world.assert_settled(), "one");
    let history = world.run(&["history", "dev"]).expect(0).stdout;
    assert!(history.contains("went back"), "{history}");
}

#[test]
fn a_check_that_fails_again_and_again_during_the_bake_brings_the_old_release_back_too() {
    let world = World::new();
    world.write("version.hurl", "GET {{url}}/version\nHTTP 200\n");
    let with =
        |version: &str| app(&[recording("web", version).line("checks = [\"version.hurl\"]")], &["bake = \"12s\""]);
    world.deploy(&with("one"));
    world.deploy(&with("two"));
    assert_eq!(world.dev()["deployment"]["outcome"], "baking");
    // Nobody visits it: its answers alone would tell nothing for lack of requests.
    fs::File::create(world.volume("web").join("fail-two")).expect("the volume");
    assert_eq!(world.outcome(), "returned");
    let failure = world.dev()["deployment"]["failure"].to_string();
    assert!(failure.contains("version.hurl") && failure.contains("500"), "{failure}");
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn not_after_a_migration_that_the_old_release_does_not_understand() {
    let world = World::with(&pair("one", &["bake = \"2s\""]));
    world.up();
    let irreversible = pair("two", &["bake = \"2s\""])
        .replace("[services.back]\n", "[services.back]\nreversible = false\nbefore = [\"./subject\", \"migrate\"]\n");
    world.write_manifest(&irreversible);
    let plan = world.run(&["plan"]).expect(2);
    assert!((plan.stdout + &plan.stderr).contains("without going back"), "the plan does not say so");
    let outcome = fails_in_bake(&world, &irreversible);
    assert_ne!(outcome, "returned");
    fs::remove_file(world.volume("web").join("fail-two")).expect("the volume");
    wait_for("the service's recovery", Duration::from_secs(5), || {
        world.get("/call").ok().filter(|answer| answer.text() == "two two")
    });
    assert_eq!(world.assert_settled(), "two");
}
