//! Every process is gone, and so is what lies in memory alone: the next verb brings every environment back.

use crate::support::http::get;
use crate::support::manifest::{Service, app, small};
use crate::support::processes::{self, Role};
use crate::support::wait_for;
use crate::support::world::World;
use seaworthy_host::home;
use std::path::Path;
use std::time::Duration;

/// What a power cut leaves: the disk.
pub(crate) fn cut_power(world: &World) {
    let mut all = world.processes();
    // Nobody may have the time to start another again.
    all.sort_by_key(|process| process.role);
    all.iter().filter(|process| process.role != Role::Verb).for_each(|process| processes::kill_if_there(process.pid));
    wait_for("the end of everything", Duration::from_secs(10), || {
        let left = world.processes();
        left.iter().for_each(|process| processes::kill_if_there(process.pid));
        left.is_empty().then_some(())
    });
    if seaworthy_host::peer::is_root() {
        let runtime = Path::new(home::ROOT_RUNTIME).join(home::home_hash(&world.home));
        std::fs::remove_dir_all(runtime).expect("the sockets' folder");
    }
}

#[test]
fn every_environment_comes_back() {
    let world = World::with(&(small("one") + "replicas = 2\nbake = \"0s\"\nshift = [\"100%\"]\n"));
    world.commit();
    world.up();
    world.run(&["up", "prod"]).expect(0);
    let before = world.dev()["revision"].clone();
    cut_power(&world);
    assert!(world.get("/version").is_err(), "somebody still listens");
    world.run(&["status"]).expect(0);
    let served = |host: &str| {
        wait_for("an answer", Duration::from_secs(20), || {
            get(world.port, host, "/version").ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
        })
    };
    assert_eq!(served("dev.web.localhost"), "one");
    assert_eq!(served("web.localhost"), "one");
    assert_eq!(world.dev()["revision"], before);
    wait_for("all three programs and no more", Duration::from_secs(20), || {
        (world.pids(Role::Program).len() == 3 && world.pids(Role::Shim).len() == 3).then_some(())
    });
    world.run(&["up"]).expect(0).says("nothing to do");
    world.run(&["down", "prod"]).expect(0);
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn in_the_middle_of_a_deployment_too() {
    let slow = |version: &str| {
        let web = Service::web("web", version).env("START_DELAY_MS", "600").env("MIGRATE_MS", "600");
        app(&[web.line("before = [\"./subject\", \"migrate\"]")], &["bake = \"600ms\""])
    };
    let world = World::with(&slow("v0"));
    world.up();
    for (index, step) in ["before", "healthy", "bake"].iter().enumerate() {
        let serves = world.assert_settled();
        let next = format!("v{}", index + 1);
        world.write_manifest(&slow(&next));
        let mut deployment = world.begin(&["--wait", "bake"]);
        assert!(deployment.until_step(step), "no `{step}` in {:?}", deployment.steps());
        deployment.abandon();
        cut_power(&world);
        let outcome = world.outcome();
        let now = wait_for("an answer", Duration::from_secs(20), || {
            world.get("/version").ok().filter(|answer| answer.status == 200).map(|answer| answer.text())
        });
        assert_eq!(now, world.assert_settled());
        assert_eq!(now, if outcome == "succeeded" { next } else { serves }, "cut in `{step}`: {outcome}");
    }
}
