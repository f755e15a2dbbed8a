//! What somebody does on the first day: up, look, change, go back, down.

use crate::support::http;
use crate::support::manifest::{HOST, Service, app, small};
use crate::support::processes::Role;
use crate::support::world::World;
use std::os::unix::fs::MetadataExt as _;

#[test]
fn up_status_logs_down() {
    let world = World::with(&small("one"));
    let ran = world.up();
    assert_eq!(ran.stdout.trim(), format!("http://{HOST}:{}/", world.port), "{}", ran.stderr);
    assert_eq!(world.text("/version"), "one");
    assert_eq!(world.assert_settled(), "one");

    let status = world.run(&["status"]).expect(0).stdout;
    for part in ["subject dev", "revision 1", "1 of 1 running", HOST] {
        assert!(status.contains(part), "no `{part}` in:\n{status}");
    }
    let logs = world.run(&["logs", "dev"]).expect(0).stdout;
    assert!(logs.contains("subject one listens on 127.0.0.1:"), "{logs}");

    world.run(&["down", "dev"]).expect(0);
    assert_eq!(world.get("/version").unwrap().status, 404, "nothing answers for a host that nobody has");
    assert_eq!(world.count(Role::Program), 0);
    assert_eq!(world.count(Role::Shim), 0);
    world.up();
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn the_second_up_has_nothing_to_do() {
    let world = World::with(&small("one"));
    world.run(&["plan"]).expect(2);
    world.up();
    let before = world.program_pids();
    world.run(&["plan"]).expect(0);
    world.up().says("nothing to do");
    assert_eq!(world.program_pids(), before);
    world.write_manifest(&small("two"));
    world.run(&["plan"]).expect(2);
    assert_eq!(world.assert_settled(), "one", "a plan does nothing");
}

#[test]
fn a_service_runs_as_nobody_else_and_sees_nothing_of_the_node() {
    let world = World::with(&small("one"));
    world.up();
    let pid = world.program_pids()[0];
    let owner = |pid: u32| std::fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    if seaworthy_host::peer::is_root() {
        assert!(owner(pid) >= seaworthy_host::user_ids::FIRST, "the service runs as {}", owner(pid));
        assert_ne!(owner(world.pid(Role::GatewayWorker)), 0);
        assert_ne!(owner(world.pid(Role::GatewayWorker)), owner(pid));
    }
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let names = String::from_utf8_lossy(&environment).into_owned();
    let mut names: Vec<&str> =
        names.split('\0').filter_map(|pair| pair.split_once('=')).map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(names, ["HOME", "HOST", "LANG", "PATH", "PORT", "TMPDIR", "TZ", "VERSION"]);
}

#[test]
fn production_runs_the_commit_and_goes_back_to_the_revision_before() {
    let prod = "\nreplicas = 2\nshift = [\"50%\", \"100%\"]\nshift_every = \"100ms\"\nbake = \"0s\"\n";
    let world = World::with(&(small("one") + prod));
    let asked = || http::get(world.port, "web.localhost", "/version").unwrap().text();
    world.commit();
    world.run(&["up", "prod"]).expect(0);
    assert_eq!(asked(), "one");
    world.write_manifest(&(small("two") + prod));
    world.run(&["up", "prod"]).expect(0).says("nothing to do");
    world.commit();
    world.run(&["up", "prod"]).expect(0);
    assert_eq!(asked(), "two");
    world.run(&["up", "dev"]).expect(0);
    world.run(&["diff", "dev", "prod"]).expect(2);
    world.run(&["rollback", "prod"]).expect(0);
    assert_eq!(asked(), "one");
    let history = world.run(&["history", "prod"]).expect(0).stdout;
    assert_eq!(history.lines().count(), 3, "{history}");
    world.run(&["promote", "dev", "prod"]).expect(0);
    assert_eq!(asked(), "two");
}

#[test]
fn a_service_that_never_gets_healthy_fails_with_evidence_and_leaves_nothing() {
    let sick = Service::web("web", "sick").env("HEALTH_STATUS", "503").line("start_timeout = \"1s\"");
    let world = World::with(&app(&[sick], &[]));
    let ran = world.run(&["up"]).expect(1).says("help:").says("503");
    assert!(ran.stderr.contains("subject sick listens on"), "no last lines of the log:\n{}", ran.stderr);
    assert_eq!(world.count(Role::Program), 0);
    assert_eq!(world.dev()["deployment"]["outcome"], "failed");
    world.deploy(&small("well"));
    assert_eq!(world.assert_settled(), "well");
}

#[test]
fn the_first_commit_makes_it_nobody_elses() {
    let world = World::with(&small("one"));
    world.up();
    world.commit();
    world.deploy(&small("two"));
    assert_eq!(world.text("/version"), "two");
    // From now on it is the repository's: the same files without it are somebody else's.
    std::fs::remove_dir_all(world.app.join(".git")).expect("a repository");
    world.write_manifest(&small("three"));
    let refused = world.run(&["up"]).expect(2);
    assert!(refused.stderr.contains("`--take-over`"), "{}", refused.stderr);
}
