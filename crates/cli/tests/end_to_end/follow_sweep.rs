//! Folders of what nobody follows any more go; what is worked in stays.

use super::support::repository::{PUSHED, followed, following_one};
use super::support::world::World;
use seaworthy_model::Digest;
use std::collections::BTreeSet;

/// What lies in the app's folder: branches by their names, the rest as it is called.
fn folders(world: &World) -> BTreeSet<String> {
    let known = ["main", "next", "sent:dev", "", "asking:"].map(|name| (Digest::of(name.as_bytes()), name));
    let entries = std::fs::read_dir(world.home.join("delivery/subject")).into_iter().flatten().flatten();
    let name = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        known.iter().find(|(digest, _)| digest.short() == name).map_or(name, |(_, known)| format!("<{known}>"))
    };
    entries.map(name).collect()
}

#[track_caller]
fn becomes(world: &World, wanted: &[&str]) {
    let wanted: BTreeSet<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    let mut last = BTreeSet::new();
    let until = std::time::Instant::now() + PUSHED;
    while last != wanted {
        assert!(std::time::Instant::now() < until, "{last:?} instead of {wanted:?}");
        std::thread::sleep(std::time::Duration::from_millis(50));
        last = folders(world);
    }
}

#[test]
fn what_nobody_follows_any_more_is_removed_and_what_is_built_in_is_not() {
    let (world, repository) = following_one();
    world.write_manifest(&followed(&repository.url(), "two", &[]));
    let commit = repository.push(&world, "main");
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    becomes(&world, &["mirror", "runs", "<>", "<main>"]);

    // Another branch is followed: the first one's builds are nobody's, and the second's begin.
    world.write_manifest(&followed(&repository.url(), "three", &[]).replace("\"main\"", "\"next\""));
    world.write("slow", "5");
    repository.push(&world, "next");
    world.run(&["deploy", "dev"]).expect(0).says("follows next");
    becomes(&world, &["mirror", "runs", "<>"]);
    world.write("more", "x");
    let commit = repository.push(&world, "next");
    world.run_that("its check", |run| run["commit"] == commit.as_str() && run["state"] == "checking");
    becomes(&world, &["mirror", "runs", "<>", "<next>"]);
    // Taken down while it is checked: the check ends, then its folders go, and the mirror with them.
    world.run(&["down", "dev"]).expect(0).says("follows nothing any more");
    assert!(folders(&world).contains("<next>"), "it was built in");
    assert_eq!(world.ended_run(&commit)["outcome"], "superseded");
    becomes(&world, &["runs"]);
}

#[test]
fn a_removal_that_was_interrupted_is_finished_and_what_an_environment_gets_sent_stays_as_long_as_it_runs() {
    let world = World::with(&super::support::manifest::small("one"));
    world.commit();
    world.run(&["deploy", "dev", "--build-on-node"]).expect(0);
    assert!(folders(&world).contains("<sent:dev>"));
    world.run(&["node", "stop"]).expect(0);
    let half = world.home.join("delivery/subject/.gone-0123456789abcdef/home");
    std::fs::create_dir_all(&half).expect("a folder");
    world.run(&["node", "start"]).expect(0);
    becomes(&world, &["mirror", "runs", "sent", "<sent:dev>"]);
    world.run(&["down", "dev"]).expect(0);
    becomes(&world, &["runs"]);
}
