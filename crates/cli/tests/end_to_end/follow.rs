//! An environment follows a branch: what is pushed is built, tested and deployed, or refused with a reason.

use super::support::processes::{self, Role};
use super::support::repository::{PUSHED, Repository, followed, following_one};
use super::support::wait_for;
use super::support::world::World;
use std::time::Duration;

#[test]
fn what_is_pushed_is_deployed_and_what_is_broken_is_not() {
    let world = World::following();
    let repository = Repository::new(&world);
    let version = |version: &str| followed(&repository.url(), version, &[]);
    world.write_manifest(&version("one"));
    let first = repository.push(&world, "main");
    world.up().says("dev follows main of file://");
    assert_eq!(world.text("/version"), "one");

    world.write_manifest(&version("two"));
    let good = repository.push(&world, "main");
    let run = world.ended_run(&good);
    assert_eq!(run["outcome"], "deployed", "{run:#}");
    assert_eq!(world.text("/version"), "two");
    let history = world.json(&["history", "dev"]);
    assert_eq!((&history[0]["actor"]["user"], &history[0]["commit"]), (&"follow main".into(), &good.as_str().into()));

    world.write_manifest(&version("three"));
    world.write("broken", "three cannot count\n");
    let broken = repository.push(&world, "main");
    let run = world.ended_run(&broken);
    assert_eq!(run["outcome"], "failed", "{run:#}");
    assert!(run["failure"]["message"].as_str().unwrap().starts_with("the test of `web` failed"), "{run:#}");
    assert_eq!(world.text("/version"), "two");
    let status = world.run(&["status", "dev"]).expect(0).stdout;
    let line = format!("dev follows main: {} refused: the test of `web` failed", &broken[..10]);
    assert!(status.contains(&line) && status.contains(" ago"), "{status}");
    let history = world.run(&["history", "dev"]).expect(0).stdout;
    assert!(history.contains(&broken[..10]) && history.contains("by follow main: succeeded"), "{history}");
    let runs = world.run(&["runs", "dev"]).expect(0).stdout;
    assert!(runs.contains("| three cannot count"), "{runs}");

    // What was there when a person deployed it was not tried again.
    let runs = world.json(&["runs", "dev"]);
    assert!(runs.as_array().unwrap().iter().all(|run| run["commit"] != first.as_str()), "{runs:#}");
}

#[test]
fn a_commit_that_gives_the_same_release_is_what_runs_then() {
    let (world, repository) = following_one();
    let revision = world.dev()["revision"].clone();
    world.write("README", "what no service has in its image\n");
    let commit = repository.push(&world, "main");
    let run = world.ended_run(&commit);
    assert_eq!((&run["outcome"], &run["deployments"]), (&"deployed".into(), &serde_json::json!({})), "{run:#}");
    let dev = world.dev();
    assert_eq!((&dev["commit"], &dev["revision"]), (&commit.as_str().into(), &revision), "{dev:#}");
    assert_eq!(dev["release"], run["release"]);
    // One that is refused afterwards takes nothing away.
    world.write("broken", "cannot count\n");
    assert_eq!(world.ended_run(&repository.push(&world, "main"))["outcome"], "failed");
    assert_eq!(world.dev()["commit"], commit.as_str());
}

#[test]
fn what_breaks_only_there_goes_back_by_itself() {
    let (world, repository) = following_one();
    // The value is that of `dev` alone: where the commit is checked, everything is well.
    let mut manifest = followed(&repository.url(), "two", &["services.web.env.FAIL = \"500\""]);
    manifest = manifest.replace("env.VERSION = \"two\"", "env.VERSION = \"two\"\nenv.FAIL = \"\"");
    world.write_manifest(&format!("{manifest}\n[environments.check]\n"));
    let commit = repository.push(&world, "main");
    let run = world.ended_run(&commit);
    assert_eq!(run["outcome"], "returned", "{run:#}");
    assert!(run["failure"]["message"].as_str().unwrap().starts_with("`dev`: "), "{run:#}");
    assert_eq!(world.text("/version"), "one");
    let history = world.json(&["history", "dev"]);
    assert_eq!(history[0]["outcome"], "failed", "{history:#}");
}

#[test]
fn of_two_pushes_only_the_second_is_deployed() {
    let (world, repository) = following_one();
    world.write_manifest(&followed(&repository.url(), "two", &[]));
    world.write("slow", "600");
    let first = repository.push(&world, "main");
    world.run_that("the check of the first", |run| run["commit"] == first.as_str() && run["state"] == "checking");
    world.write_manifest(&followed(&repository.url(), "three", &[]));
    world.write("slow", "0");
    let second = repository.push(&world, "main");
    assert_eq!(world.ended_run(&second)["outcome"], "deployed");
    assert_eq!(world.ended_run(&first)["outcome"], "superseded");
    assert_eq!(world.text("/version"), "three");
    let history = world.json(&["history", "dev"]);
    assert!(history.as_array().unwrap().iter().all(|one| one["commit"] != first.as_str()), "{history:#}");
}

#[test]
fn a_killed_node_begins_a_check_again_and_goes_on_with_a_deployment() {
    let (world, repository) = following_one();
    let slow = ["shift = [\"50%\", \"100%\"]", "shift_every = \"3s\""];
    world.write_manifest(&followed(&repository.url(), "two", &slow));
    world.write("slow", "5");
    let commit = repository.push(&world, "main");
    for state in ["checking", "deploying"] {
        world.run_that(state, |run| run["commit"] == commit.as_str() && run["state"] == state);
        processes::kill(world.pid(Role::Node));
        world.run(&["node", "start"]).expect(0);
    }
    let run = world.ended_run(&commit);
    assert_eq!((&run["outcome"], &run["attempts"]), (&"deployed".into(), &2.into()), "{run:#}");
    assert_eq!(world.text("/version"), "two");
    let history = world.json(&["history", "dev"]);
    let of_it = history.as_array().unwrap().iter().filter(|one| one["commit"] == commit.as_str());
    assert_eq!(of_it.count(), 1, "{history:#}");
}

#[test]
fn an_environment_takes_what_another_has_run_well_for_long_enough() {
    let world = World::following();
    let repository = Repository::new(&world);
    let version = |version: &str| {
        let prod = "follow = \"dev\"\nsoak = \"3s\"\nshift = [\"100%\"]\nbake = \"0s\"";
        followed(&repository.url(), version, &[])
            .replace("[environments.prod]\n", &format!("[environments.prod]\n{prod}\n"))
    };
    world.write_manifest(&version("one"));
    repository.push(&world, "main");
    world.up();
    world.run(&["deploy", "prod"]).expect(0).says("prod follows dev, after 3s");
    world.write_manifest(&version("two"));
    let commit = repository.push(&world, "main");
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    let prod = wait_for("prod", PUSHED, || {
        let status = world.json(&["status", "prod"]);
        (status["environments"][0]["commit"] == commit.as_str()).then_some(status)
    });
    assert_eq!(prod["environments"][0]["deployment"]["actor"]["user"], "follow dev");
    let history = world.json(&["history", "prod"]);
    assert_eq!(history.as_array().map(Vec::len), Some(2), "{history:#}");
}

#[test]
fn what_a_person_takes_down_stays_down() {
    let (world, repository) = following_one();
    world.run(&["down", "dev"]).expect(0).says("follows nothing any more");
    world.write_manifest(&followed(&repository.url(), "two", &[]));
    repository.push(&world, "main");
    // Longer than it would take the node to see it.
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(world.json(&["runs", "dev"]).as_array().map(Vec::len), Some(0));
}
