//! Builds of small apps, with real programs.

mod common;

use common::World;
use seaworthy_model::Name;
use seaworthy_model::release::Stage;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// One service whose build copies its source and whose test looks at it.
fn simple() -> World {
    World::with(&[
        (
            "seaworthy.toml",
            "app = \"a\"\n[services.a]\nrun = [\"out\"]\nbuild = \"mkdir -p made && cp source made/out\"\n\
             test = \"grep -q good source\"\nfiles = [\"made/out\"]\n",
        ),
        ("a/source", "good"),
    ])
}

fn one(text: &str) -> World {
    let manifest = format!("app = \"a\"\n[services.a]\npath = \".\"\nrun = [\"out\"]\n{text}\n");
    World::with(&[("seaworthy.toml", &manifest)])
}

#[test]
fn what_is_built_is_what_is_collected() {
    let world = simple();
    let built = world.built();
    assert_eq!(world.listing(&built, "a"), ["out 4"]);
    assert_eq!(world.done(), ["a build", "a test"]);
    assert_eq!(built.manifest.app, built.bundle.release.app);
}

#[test]
fn what_did_not_change_is_not_built_again() {
    let world = simple();
    world.git(&["init", "--quiet"]);
    world.write(".gitignore", "made\n");
    let first = world.built();
    let again = world.built();
    assert_eq!(world.done(), ["a unchanged"]);
    assert_eq!(first.bundle.release.digest(), again.bundle.release.digest());
    world.write("a/source", "very good");
    let changed = world.built();
    assert_eq!(world.done(), ["a build", "a test"]);
    assert_ne!(first.bundle.release.digest(), changed.bundle.release.digest());
    world.write("a/source", "good");
    assert_eq!(world.built().bundle.release.digest(), first.bundle.release.digest());
    assert_eq!(world.done(), ["a unchanged"]);
}

#[test]
fn without_git_it_is_known_from_the_second_build_on() {
    let world = simple();
    world.built();
    world.built();
    assert_eq!(world.done(), ["a unchanged"]);
    world.write("a/source", "very good");
    world.built();
    assert_eq!(world.done(), ["a build", "a test"]);
}

#[test]
fn without_git_what_a_build_changes_or_adds_beside_its_results_is_source() {
    let manifest = |build: &str| {
        format!("app = \"a\"\n[services.a]\nrun = [\"x\"]\nbuild = \"{build}\"\nfiles = [\"bin/*\", \"lib\"]\n")
    };
    let known = |build: &str| {
        let world = World::with(&[("seaworthy.toml", &manifest(build)), ("a/lib/one", "1")]);
        world.built();
        world.built();
        world.done() == ["a unchanged"]
    };
    assert!(known("mkdir -p bin && cp lib/one bin/x"));
    // As if somebody edited while it was built: nobody knows what it was built from.
    assert!(!known("mkdir -p bin && cp lib/one bin/x && echo >> lib/one"));
    assert!(!known("mkdir -p bin && cp lib/one bin/x && date +%N > lib/two"));
    assert!(!known("mkdir -p bin && cp lib/one bin/x && date +%N > three"));
    assert!(!known("mkdir -p bin/deep && cp lib/one bin/x && date +%N > four"));
}

#[test]
fn another_recipe_is_another_build() {
    let world = simple();
    world.git(&["init", "--quiet"]);
    world.write(".gitignore", "made\n");
    world.built();
    let manifest = |test: &str| {
        format!(
            "app = \"a\"\n[services.a]\nrun = [\"out\"]\nbuild = \"mkdir -p made && cp source made/out\"\n\
             test = \"{test}\"\nfiles = [\"made/out\"]\n"
        )
    };
    world.write("seaworthy.toml", &manifest("grep -q goo source"));
    world.built();
    assert_eq!(world.done(), ["a build", "a test"]);
}

#[test]
fn what_was_not_tested_is_tested_when_it_matters() {
    let world = simple();
    world.git(&["init", "--quiet"]);
    world.write(".gitignore", "made\n");
    assert!(world.build_with(false, false).is_ok());
    assert_eq!(world.done(), ["a build"]);
    world.built();
    assert_eq!(world.done(), ["a build", "a test"]);
    assert!(world.build_with(false, false).is_ok());
    assert_eq!(world.done(), ["a unchanged"], "tested is more than was asked for");
}

#[test]
fn a_lost_blob_is_made_again() {
    let mut world = simple();
    world.git(&["init", "--quiet"]);
    world.write(".gitignore", "made\n");
    world.built();
    world.blobs = common::Memory::default();
    world.built();
    assert_eq!(world.done(), ["a build", "a test"]);
}

#[test]
fn a_workspace_above_is_part_of_the_source() {
    let world = simple();
    world.git(&["init", "--quiet"]);
    world.write(".gitignore", "made\n");
    world.write("shared/code", "1");
    world.built();
    world.write("shared/code", "2");
    world.built();
    assert_eq!(world.done(), ["a unchanged"], "nothing says that the service reads it");
    world.write("Cargo.toml", "[workspace]\n");
    world.built();
    world.write("shared/code", "3");
    world.built();
    assert_eq!(world.done(), ["a build", "a test"]);
}

#[test]
fn source_that_changes_during_the_build_is_not_trusted() {
    let world = one("build = \"date +%N > edited; echo x > out\"\nfiles = [\"out\"]");
    world.built();
    world.built();
    assert_eq!(world.done(), ["a build"]);
}

#[test]
fn a_failing_test_shows_its_last_lines_and_how_to_run_it() {
    let world = simple();
    world.write("a/source", "bad");
    let manifest = "app = \"a\"\n[services.a]\nrun = [\"a\"]\ntest = \"seq 100; echo wrong >&2; exit 3\"\n";
    world.write("seaworthy.toml", manifest);
    insta::assert_snapshot!(world.refused());
    assert_eq!(world.lines().len(), 101, "every line was told");
}

#[test]
fn a_failing_build_stops_the_others() {
    let world = World::with(&[(
        "seaworthy.toml",
        "app = \"a\"\n[services.bad]\npath = \".\"\nrun = [\"x\"]\nbuild = [\"true\", \"exit 7\", \"echo never\"]\n\
             [services.slow]\npath = \".\"\nrun = [\"x\"]\nbuild = \"sleep 60\"\n",
    )]);
    let started = Instant::now();
    insta::assert_snapshot!(world.refused());
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    assert!(world.lines().is_empty());
}

#[test]
fn a_program_killed_by_a_signal_is_told_so() {
    assert!(one("build = \"kill -9 $$\"").refused().contains("the build of `a` failed: signal 9"));
}

#[test]
fn time_has_a_limit() {
    let mut world = one("test = \"echo begun; sleep 60\"");
    world.limits.time_max = Duration::from_millis(300);
    insta::assert_snapshot!(world.refused());
}

#[test]
fn it_stops_when_asked() {
    let world = one("build = \"echo begun; sleep 60\"");
    let started = Instant::now();
    std::thread::scope(|scope| {
        let building = scope.spawn(|| world.refused());
        while world.lines().is_empty() && started.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(5));
        }
        world.cancel.store(true, Ordering::Relaxed);
        let refused = building.join().expect("no panic");
        assert!(refused.contains("the build was stopped"), "{refused}");
    });
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn nothing_is_left_behind() {
    let world = one("build = \"sleep 300 & echo $!\"");
    let started = Instant::now();
    world.built();
    assert!(started.elapsed() < Duration::from_secs(20), "its open output is not waited for");
    let pid: u32 = world.lines()[0].parse().expect("a process id");
    assert_eq!(seaworthy_host::process::start_time(pid), None);
}

#[test]
fn builds_get_their_surroundings_and_nothing_else() {
    // Cargo, which runs these tests, sets much that is not for others.
    let world = one("build = \"env\"");
    world.built();
    let lines = world.lines();
    let names: Vec<&str> = lines.iter().filter_map(|line| line.split_once('=')).map(|(name, _)| name).collect();
    assert!(names.contains(&"PATH"), "{names:?}");
    for name in ["CARGO_TARGET_DIR", "CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "USER", "INSTA_UPDATE", "SEAWORTHY_HOME"] {
        assert!(!names.contains(&name), "{name}");
    }
}

#[test]
fn long_lines_are_cut_and_odd_bytes_replaced() {
    let world = one(r#"build = "head -c 100000 /dev/zero | tr '\\0' x; echo; printf 'a\\377b\\r\\nlast'""#);
    world.built();
    let lines = world.lines();
    let lengths: Vec<usize> = lines.iter().map(String::len).collect();
    assert_eq!(lengths, [16 * 1024, 5, 4], "{lengths:?}");
    assert_eq!(lines[1..], ["a\u{fffd}b".to_owned(), "last".to_owned()]);
}

#[test]
fn checks_are_kept_with_their_methods() {
    let world = World::with(&[
        (
            "seaworthy.toml",
            "app = \"a\"\n[services.a]\nrun = [\"a\"]\n\
             checks = [\"checks/*.hurl\", { file = \"checks/pay.hurl\", runs = [\"smoke\"], every = \"1m\" }]\n\
             [routes.r]\nhost = \"a.localhost\"\nservice = \"a\"\nchecks = [\"front.hurl\"]\n",
        ),
        ("a/checks/list.hurl", "GET x\nHEAD x\n"),
        ("a/checks/pay.hurl", "POST x\n"),
        ("front.hurl", "GET x\n"),
    ]);
    let release = world.built().bundle.release;
    let name = |text| Name::new(text).expect("a name");
    let checks = &release.services[&name("a")].checks;
    let files: Vec<(&str, &[String])> = checks.iter().map(|c| (c.file.as_str(), c.methods.as_slice())).collect();
    let (get, post) = (["GET".to_owned(), "HEAD".to_owned()], ["POST".to_owned()]);
    assert_eq!(files, [("a/checks/list.hurl", &get[..]), ("a/checks/pay.hurl", &post[..])]);
    assert_eq!(checks[1].runs, Some(vec![Stage::Smoke]));
    assert_eq!(checks[1].every, Some(Duration::from_secs(60)));
    assert_eq!(release.routes[&name("r")].checks[0].file, "front.hurl");
    assert!(release.blobs().all(|digest| seaworthy_pipeline::BlobSink::contains(&world.blobs, digest)));
}

#[test]
fn a_check_that_is_not_there_is_refused() {
    let world = one("checks = [\"checks/*.hurl\"]");
    insta::assert_snapshot!(world.refused());
}

#[test]
fn a_dockerfile_that_is_not_there_is_refused() {
    let world =
        World::with(&[("seaworthy.toml", "app = \"a\"\n[services.b]\ndockerfile = \"Dockerfile\"\n"), ("b/page", "")]);
    insta::assert_snapshot!(world.refused());
}

#[test]
fn what_is_wrong_with_the_manifest_is_told_first() {
    let world = one("bild = \"make\"");
    insta::assert_snapshot!(world.refused());
    assert!(World::new().refused().contains("there is no `/src/seaworthy.toml`"));
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let world = World::with(&[("seaworthy.toml", "app = \"a\"\n[services.a]\nrun = [\"x\"]\nbuild = \"true\"\n")]);
    insta::assert_snapshot!(world.refused());
}

#[test]
fn a_service_of_which_nothing_is_there_needs_no_folder() {
    let world = World::with(&[
        ("seaworthy.toml", "app = \"a\"\n[services.a]\nrun = [\"x\"]\n"),
        ("Cargo.lock", "[[package]]\nname = \"other\"\nversion = \"1.0.0\"\nsource = \"x\"\n"),
    ]);
    let built = world.built();
    assert!(world.listing(&built, "a").is_empty());
    // Nor is what lies in a folder of its name its own, or what makes it another image.
    world.write("a/file", "x");
    assert_eq!(world.built().bundle.release.digest(), built.bundle.release.digest());
}

#[test]
fn cargo_builds_and_tests_a_crate() {
    let world = World::with(&[
        (
            "seaworthy.toml",
            "app = \"a\"\n[services.hello]\nrun = [\"./hello\"]\nbuild = \"cargo build --offline\"\n\
             test = \"cargo test --offline\"\nfiles = [\"target/debug/hello\"]\n",
        ),
        ("hello/Cargo.toml", "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[workspace]\n"),
        ("hello/src/main.rs", "fn main() {}\n#[test]\nfn works() {}\n"),
    ]);
    let built = world.built();
    let listing = world.listing(&built, "hello");
    assert!(listing.len() == 1 && listing[0].starts_with("hello* "), "{listing:?}");
}
