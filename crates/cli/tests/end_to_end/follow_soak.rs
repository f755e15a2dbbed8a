//! What soaks, and what waits: `status` says for what, and until when.

use super::support::processes;
use super::support::repository::{PUSHED, Repository, followed, following_one};
use super::support::wait_for;
use super::support::world::World;
use seaworthy_host::{clock, files};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, SystemTime};

const SOAK: Duration = Duration::from_secs(15);

/// The subject at a version; `prod` follows `dev`.
fn soaking(repository: &Repository, version: &str) -> String {
    let prod = format!("follow = \"dev\"\nsoak = \"{}s\"\nshift = [\"100%\"]\nbake = \"0s\"", SOAK.as_secs());
    let text = followed(&repository.url(), version, &[]);
    text.replace("[environments.prod]\n", &format!("[environments.prod]\n{prod}\n"))
}

fn time(value: &Value) -> SystemTime {
    value.as_str().and_then(clock::parse).unwrap_or_else(|| panic!("no time: {value}"))
}

#[test]
fn what_keeps_dying_is_not_taken_until_it_comes_to_rest() {
    let world = World::following();
    let repository = Repository::new(&world);
    world.write_manifest(&soaking(&repository, "one"));
    repository.push(&world, "main");
    world.up();
    world.run(&["deploy", "prod"]).expect(0).says("prod follows dev, after 15s");
    world.write_manifest(&soaking(&repository, "two"));
    let commit = repository.push(&world, "main");
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    let prod = || world.json(&["status", "prod"])["environments"][0].clone();
    let instance = || world.dev()["services"][0]["instances"][0].clone();
    let soak = wait_for("the soak", Duration::from_secs(30), || prod()["follow"]["soak"].as_object().cloned());
    assert_eq!((&soak["environment"], &soak["commit"]), (&"dev".into(), &commit.as_str().into()), "{soak:#?}");
    assert_eq!(time(&soak["until"]), time(&soak["since"]) + SOAK);
    assert_eq!(soak["reason"], Value::Null);
    let arrived = time(&soak["since"]);
    let text = world.run(&["status", "prod"]).expect(0).stdout;
    assert!(text.contains(&format!("prod follows dev: {} soaks until ", &commit[..10])), "{text}");
    assert!(text.contains(" s to go\n"), "{text}");

    // Each time before it has soaked, and twice: of three ends in a row the engine would make a crash loop.
    let mut started = arrived;
    for death in 1..=2 {
        wait_for("half the soak", SOAK, || (clock::now() > started + SOAK * 3 / 5).then_some(()));
        let before = instance();
        assert_eq!(before["state"], "running", "{before:#}");
        processes::kill(u32::try_from(before["pid"].as_u64().unwrap()).unwrap());
        let after = wait_for("the next start", Duration::from_secs(20), || {
            Some(instance()).filter(|one| one["restarts"] == death && one["state"] == "running")
        });
        started = time(&after["since"]);
        let soak = prod()["follow"]["soak"].clone();
        assert_eq!((time(&soak["since"]), time(&soak["until"])), (started, started + SOAK), "{soak:#}");
        let reason = "an instance of `web` ended with SIGKILL and was started again";
        assert_eq!(soak["reason"], reason, "{soak:#}");
        let text = world.run(&["status", "prod"]).expect(0).stdout;
        assert!(text.contains(&format!(", anew because {reason}")), "{text}");
    }
    assert!(started > arrived + SOAK, "it would have soaked, had it not died");

    let taken = wait_for("prod", PUSHED, || Some(prod()).filter(|prod| prod["commit"] == commit.as_str()));
    assert!(time(&taken["deployment"]["started_at"]) >= started + SOAK, "{taken:#}");
    assert_eq!(taken["deployment"]["actor"]["user"], "follow dev");
    assert_eq!(taken["follow"]["soak"], Value::Null);
    assert_eq!(instance()["restarts"], 2);
}

#[test]
fn what_does_not_run_does_not_soak_and_status_says_so() {
    let world = World::following();
    let repository = Repository::new(&world);
    world.write_manifest(&soaking(&repository, "one"));
    repository.push(&world, "main");
    world.up();
    world.run(&["deploy", "prod"]).expect(0);
    world.write_manifest(&soaking(&repository, "two"));
    let commit = repository.push(&world, "main");
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    let looped = |soak: &Value| soak["reason"].as_str().is_some_and(|reason| reason.ends_with("ends again and again"));
    let soak = wait_for("a crash loop", Duration::from_secs(60), || {
        let instance = world.dev()["services"][0]["instances"][0].clone();
        if let Some(pid) = instance["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()) {
            processes::kill(pid);
        }
        let prod = world.json(&["status", "prod"])["environments"][0].clone();
        assert_ne!(prod["commit"], commit.as_str(), "{prod:#}");
        Some(prod["follow"]["soak"].clone()).filter(looped)
    });
    assert_eq!(soak["until"], Value::Null, "{soak:#}");
    let text = world.run(&["status", "prod"]).expect(0).stdout;
    let line = format!("prod follows dev: {} does not soak: an instance of `web` ends again and again", &commit[..10]);
    assert!(text.contains(&line), "{text}");
}

#[test]
fn a_check_that_waits_for_that_of_another_app_says_so() {
    let (world, repository) = following_one();
    let mut other = World::following();
    (other.home, other.port) = (world.home.clone(), world.port);
    let elsewhere = Repository::new(&other);
    let text = followed(&elsewhere.url(), "one", &[]).replace("\"subject\"\n", "\"other\"\n");
    other.write_manifest(&text.replace("web.localhost", "other.localhost"));
    elsewhere.push(&other, "main");
    other.up();
    other.write("slow", "600");
    elsewhere.push(&other, "main");
    wait_for("the test of the other app", PUSHED, || {
        let log = other.json(&["runs", "dev"])[0]["log"].as_str().map(|path| files::read(Path::new(path)));
        log.and_then(Result::ok).is_some_and(|text| text.windows(8).any(|part| part == b"test web")).then_some(())
    });

    world.write_manifest(&followed(&repository.url(), "two", &[]));
    let commit = repository.push(&world, "main");
    let run = world.run_that("a run that waits", |run| run["waits_for"] == "other");
    assert_eq!((&run["commit"], &run["state"]), (&commit.as_str().into(), &"checking".into()), "{run:#}");
    let waits = format!("{} waits for the check of `other`", &commit[..10]);
    for verb in ["status", "runs"] {
        let text = world.run(&[verb, "dev"]).expect(0).stdout;
        assert!(text.contains(&waits), "{text}");
    }
    assert_eq!(world.dev()["follow"]["run"]["waits_for"], "other");

    other.write("slow", "0");
    elsewhere.push(&other, "main");
    let run = world.ended_run(&commit);
    assert_eq!((&run["outcome"], &run["waits_for"]), (&"deployed".into(), &Value::Null), "{run:#}");
}
