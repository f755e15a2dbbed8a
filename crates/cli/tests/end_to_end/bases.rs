//! What services stand on: what the manifest and the lock say now, not what they said when it was built last.

use crate::support::archive::Archive;
use crate::support::manifest::small;
use crate::support::registry::tool;
use crate::support::world::World;
use std::fs;

/// An app of one service, with these lines in it, whose packages come from the archive.
fn manifest(archive: &Archive, service: &str, debian: &str) -> String {
    format!(
        "app = \"standing\"\n[services.web]\npath = \".\"\nfiles = [\"page\"]\nrun = [\"page\"]\n{service}\n\
         [debian]\nmirror = \"{}\"\nsuite = \"stable\"\nkeys = \"keys.asc\"\n{debian}\n",
        archive.address("debian")
    )
}

fn world(archive: &Archive) -> World {
    let world = World::new();
    world.write("page", "hello\n");
    world.write("keys.asc", &archive.key());
    world
}

/// The packages of the last image of `web`, as `data 1.0`.
fn packages(world: &World) -> Vec<String> {
    packages_of(world, "web")
}

fn packages_of(world: &World, service: &str) -> Vec<String> {
    let bill = world.run(&["image", "inspect", service, "--sbom"]).expect(0).stdout;
    let bill: serde_json::Value = serde_json::from_str(&bill).expect("JSON");
    let parts = bill["components"].as_array().cloned().unwrap_or_default();
    let word = |part: &serde_json::Value, key: &str| part[key].as_str().unwrap_or_default().to_owned();
    parts.iter().map(|part| format!("{} {}", word(part, "name"), word(part, "version"))).collect()
}

fn lock(world: &World) -> String {
    fs::read_to_string(world.app.join("seaworthy.lock")).expect("a lock")
}

/// With and without a line that builds, results are found by different keys.
fn an_image_stands_on_what_is_said_now(line: &str) {
    let archive = Archive::start();
    archive.publish("debian", "stable", &["data", "more"], "1.0");
    let world = world(&archive);
    let write = |base: &str| world.write_manifest(&manifest(&archive, &format!("{line}\n{base}"), ""));
    let built = |words: &[&str]| {
        let ran = world.run(words).expect(0);
        (packages(&world), ran)
    };
    let none: [&str; 0] = [];
    write("");
    assert_eq!(built(&["build"]).0, none);
    write("base = [\"data\"]");
    assert_eq!(built(&["build"]).0, ["data 1.0"]);
    write("base = [\"data\", \"more\"]");
    assert_eq!(built(&["build"]).0, ["data 1.0", "more 1.0"]);
    write("");
    assert_eq!(built(&["build"]).0, none);
    write("base = [\"data\"]");
    assert_eq!(built(&["build"]).0, ["data 1.0"]);

    // What is locked stays, until it is looked up anew, as often as that is asked for.
    let first = lock(&world);
    archive.publish("debian", "stable", &["data", "more"], "1.1");
    let (now, ran) = built(&["build"]);
    assert_eq!(now, ["data 1.0"]);
    if !line.is_empty() {
        ran.says("unchanged web");
    }
    for version in ["1.1", "1.2"] {
        archive.publish("debian", "stable", &["data", "more"], version);
        let (now, ran) = built(&["build", "--update"]);
        ran.says("looking up data").says("locked in");
        assert_eq!(now, [format!("data {version}")]);
        assert_eq!(built(&["build"]).0, now);
    }
    // A lock from version control counts again, and its absence is no lock.
    world.write("seaworthy.lock", &first);
    assert_eq!(built(&["build"]).0, ["data 1.0"]);
    fs::remove_file(world.app.join("seaworthy.lock")).expect("a lock");
    let (now, ran) = built(&["build"]);
    ran.says("locked in");
    assert_eq!(now, ["data 1.2"]);
    assert!(lock(&world).contains("data_1.2_all.deb"), "{}", lock(&world));
}

#[test]
fn an_image_that_is_built_stands_on_what_is_said_now() {
    an_image_stands_on_what_is_said_now("build = \"true\"");
}

#[test]
fn an_image_of_files_alone_stands_on_what_is_said_now() {
    an_image_stands_on_what_is_said_now("");
}

#[test]
fn what_stands_on_its_base_alone_needs_no_folder() {
    let archive = Archive::start();
    archive.publish("debian", "stable", &["data"], "1.0");
    let world = world(&archive);
    world.write("Cargo.lock", "[[package]]\nname = \"other\"\nversion = \"1.0.0\"\nsource = \"x\"\n");
    let write = |lines: &str| {
        let service = format!("[services.store]\nbase = [\"data\"]\nrun = [\"/usr/bin/data\"]\n{lines}");
        world.write_manifest(&manifest(&archive, "base = [\"data\"]", &service));
    };
    write("");
    world.run(&["build"]).expect(0);
    assert_eq!(packages_of(&world, "store"), ["data 1.0"], "no lockfile is its own");
    assert_eq!(packages(&world), ["other 1.0.0", "data 1.0"]);
    world.commit();
    world.run(&["build", "--commit"]).expect(0);
    world.run(&["build", "--verify"]).expect(0);
    world.run(&["check"]).expect(0);
    let plan = world.run(&["plan", "dev"]).expect(2).stdout;
    assert!(plan.contains("store"), "{plan}");
    // Whoever names a folder, or something in one, needs it.
    let needs = [("path = \"stores\"", "14:8"), ("files = [\"x\"]", "11:11"), ("checks = [\"a.hurl\"]", "11:11")];
    for (lines, at) in needs {
        write(lines);
        let ran = world.run(&["build"]).expect(1);
        ran.says("of `store` is not there").says(&format!("seaworthy.toml:{at}")).says("set `path`");
    }
}

#[test]
fn packages_come_from_the_mirror_of_the_manifest() {
    let archive = Archive::start();
    archive.publish("debian", "stable", &["data"], "1.0");
    archive.publish("security", "stable-security", &["data"], "1.0+deb1");
    let world = world(&archive);
    let base = "base = [\"data\"]";
    let page = |version: &str| {
        let _ = fs::remove_dir_all(world.app.join("layout"));
        let _ = fs::remove_dir_all(world.app.join("bundle"));
        world.run(&["image", "export", "web", "layout"]).expect(0);
        tool(&world, "umoci", &["unpack", "--image", "layout:web", "bundle"]);
        let root = world.app.join("bundle/rootfs/usr/share");
        assert_eq!(fs::read_to_string(root.join("data/version")).expect("of the package"), version);
        root.join("man/man7/data.7").exists()
    };
    world.write_manifest(&manifest(&archive, base, ""));
    world.run(&["build"]).expect(0);
    assert!(!page("1.0"), "nobody asked for documentation");
    world.write_manifest(&manifest(&archive, base, "documentation = true"));
    world.run(&["build"]).expect(0);
    assert!(page("1.0"), "documentation was asked for");
    let security = format!("security = \"{}\"", archive.address("security"));
    world.write_manifest(&manifest(&archive, base, &security));
    world.run(&["build", "--update"]).expect(0);
    page("1.0+deb1");

    // A lock that names something else than the archive has.
    let right = lock(&world);
    let sum = right.split("sha256 = \"").nth(1).and_then(|rest| rest.get(..64)).expect("a sum");
    world.write("seaworthy.lock", &right.replace(sum, &"0".repeat(64)));
    let ran = world.run(&["build"]).expect(1);
    ran.says("`data` 1.0+deb1 is not what `seaworthy.lock` names").says("seaworthy build --update");
    fs::remove_file(world.app.join("seaworthy.lock")).expect("a lock");
    // What somebody else signed, and what nobody can check.
    world.write("keys.asc", &Archive::start().key());
    world.run(&["build"]).expect(1).says("is not signed by a key that is trusted").says("`keys` of `[debian]`");
    fs::remove_file(world.app.join("keys.asc")).expect("keys");
    world.run(&["build"]).expect(1).says("`keys.asc`, the keyring of the mirror, is not there");
}

#[test]
fn a_commit_without_its_lock_is_marked() {
    let version = |version| format!("{}shift = [\"100%\"]\nbake = \"0s\"\n", small(version));
    let world = World::with(&version("one"));
    let mark = "base is not locked in the commit";
    let of_release = "with a base that is not locked in the commit";
    world.commit();
    let ran = world.run(&["build", "--commit"]).expect(0).says("commit `seaworthy.lock`");
    assert!(ran.stdout.contains(of_release), "{}", ran.stdout);
    let origin = world.run(&["image", "inspect", "web", "--provenance"]).expect(0).stdout;
    assert!(origin.contains("source, with a base that is not locked in the commit"), "{origin}");
    assert!(world.run(&["image", "ls"]).expect(0).stdout.contains(", base not locked in it"));
    // It is not refused: an app can be tried before its lock is committed.
    world.run(&["up", "prod"]).expect(0).says(mark);
    assert!(world.run(&["status", "prod"]).expect(0).stdout.contains(mark));

    // What git ignores is in no commit, though nothing looks changed.
    world.write(".gitignore", "seaworthy.lock\n");
    world.commit();
    let ran = world.run(&["build"]).expect(0).says("git ignores `seaworthy.lock`");
    assert!(ran.stdout.contains(of_release), "{}", ran.stdout);
    fs::remove_file(world.app.join(".gitignore")).expect("there");
    world.commit();
    for words in [&["build"][..], &["build", "--commit"]] {
        let ran = world.run(words).expect(0);
        assert!(!ran.stdout.contains("with"), "{}", ran.stdout);
    }
    world.write_manifest(&version("two"));
    world.commit();
    let ran = world.run(&["up", "prod"]).expect(0);
    assert!(!ran.stderr.contains(mark), "{}", ran.stderr);
    assert!(!world.run(&["status", "prod"]).expect(0).stdout.contains(mark));
}
