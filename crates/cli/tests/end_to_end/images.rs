//! Images: the same wherever they are built, read by other tools, and told apart when they differ.

use crate::support::manifest::small;
use crate::support::world::World;
use seaworthy_host::process::command;
use serde_json::Value;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than compilers take from nothing, on a busy machine.
const BUILD: Duration = Duration::from_secs(600);

/// Whoever builds: another umask, time zone, language and home for each.
struct Person {
    umask: u32,
    time_zone: &'static str,
    language: &'static str,
}

const PEOPLE: [Person; 2] = [
    Person { umask: 0o022, time_zone: "UTC", language: "C" },
    Person { umask: 0o077, time_zone: "Pacific/Kiritimati", language: "tr_TR.UTF-8" },
];

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name)
}

/// A commit with the files of an example, as git would hold them; the dates are those of the first commit that is made.
fn repository(of: &Path, at: &Path, moment: &str) {
    let run = |program: &str, arguments: &[&str], folder: &Path| {
        let mut command = command(program);
        command.args(arguments).current_dir(folder).env("PATH", std::env::var_os("PATH").expect("a PATH"));
        command.env("HOME", "/nonexistent").env("GIT_COMMITTER_DATE", moment).env("GIT_AUTHOR_DATE", moment);
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let files = run("git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "."], of);
    for file in String::from_utf8(files).expect("UTF-8").split('\0').filter(|file| !file.is_empty()) {
        let to = at.join(file);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        std::fs::copy(of.join(file), to).expect("copied");
    }
    run("git", &["init", "--quiet"], at);
    run("git", &["add", "--all"], at);
    let who = ["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "--quiet", "--message", "x"];
    run("git", &who, at);
}

/// The images of a commit of an example, as one person builds them: service, digest.
fn images(example_folder: &Path, person: &Person, moment: &str) -> Vec<(String, String)> {
    let world = World::new();
    let app = world.app.join("a/folder/of/their/own");
    std::fs::create_dir_all(&app).expect("a folder");
    repository(example_folder, &app, moment);
    let umask = person.umask;
    let run = |words: &[&str]| {
        let mut command = world.command(words);
        borrow_toolchains(&mut command);
        command.current_dir(&app).env("TZ", person.time_zone).env("LANG", person.language);
        command.env("LC_ALL", person.language).stdout(Stdio::piped()).stderr(Stdio::piped());
        // SAFETY: `umask` is one system call that cannot fail.
        unsafe {
            command.pre_exec(move || {
                nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(umask));
                Ok(())
            })
        };
        let child = command.spawn().expect("the binary");
        let started = Instant::now();
        let output = child.wait_with_output().expect("it ends");
        assert!(started.elapsed() < BUILD, "it took {:?}", started.elapsed());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    run(&["build", "--commit", "--no-test"]);
    let listed: Vec<Value> = serde_json::from_slice(&run(&["image", "ls", "--json"])).expect("JSON");
    let pair = |image: &Value| (image["service"].to_string(), image["image"].to_string());
    listed.iter().map(pair).collect()
}

/// The toolchains of whoever runs the tests, by paths of a home that is not that of the person who builds.
fn borrow_toolchains(command: &mut Command) {
    command.env("PATH", std::env::var_os("PATH").expect("a PATH"));
    let home = PathBuf::from(std::env::var_os("HOME").expect("a home"));
    for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        command.env(name, std::env::var_os(name).unwrap_or_else(|| home.join(below).into_os_string()));
    }
}

#[test]
fn a_commit_gives_the_same_images_to_everybody() {
    let moments = ["2021-01-01T00:00:00+00:00", "2024-06-01T12:34:56+02:00"];
    let built: Vec<_> = std::thread::scope(|scope| {
        let build = |(person, moment): (&'static Person, &'static str)| {
            scope.spawn(move || images(&example("unstoppable-echo"), person, moment))
        };
        let building: Vec<_> = PEOPLE.iter().zip(moments).map(build).collect();
        building.into_iter().map(|building| building.join().expect("a build")).collect()
    });
    assert_eq!(built[0].len(), 5);
    assert_eq!(built[0], built[1]);
}

#[test]
fn what_differs_from_build_to_build_is_named() {
    let manifest = |line: &str| {
        let service = format!("path = \".\"\nbuild = \"{line}\"\nfiles = [\"out\"]\nrun = [\"./out\"]\nport = false\n");
        format!("app = \"odd\"\n[services.clock]\n{service}")
    };
    let world = World::with(&manifest("echo always > out"));
    let ran = world.run(&["build", "--verify"]).expect(0);
    assert!(ran.stdout.starts_with("clock: ") && ran.stdout.contains("both times"), "{}", ran.stdout);
    world.write_manifest(&manifest("date +%s%N > out"));
    let ran = world.run(&["build", "--verify"]).expect(2);
    assert!(ran.stdout.contains("layer 1: `app/out`: differs from byte"), "{}", ran.stdout);
}

#[test]
fn images_are_listed_looked_into_and_read_by_other_tools() {
    let world = World::with(&small("one"));
    world.run(&["image", "inspect", "web"]).expect(1).says("`seaworthy build` builds them");
    world.run(&["build"]).expect(0);
    let listed: Vec<Value> =
        serde_json::from_str(&world.run(&["image", "ls", "--json"]).expect(0).stdout).expect("JSON");
    let digest = listed[0]["image"].as_str().expect("a digest");
    let inspected = world.run(&["image", "inspect", "web"]).expect(0).stdout;
    for part in [digest, "`files`: subject, 1 file", "/app/subject"] {
        assert!(inspected.contains(part), "no `{part}` in:\n{inspected}");
    }
    let bill = world.run(&["image", "inspect", "web", "--sbom"]).expect(0).stdout;
    let bill: Value = serde_json::from_str(&bill).expect("JSON");
    assert_eq!((bill["bomFormat"].as_str(), bill["specVersion"].as_str()), (Some("CycloneDX"), Some("1.6")));
    let origin = world.run(&["image", "inspect", "web", "--provenance"]).expect(0).stdout;
    let origin: Value = serde_json::from_str(&origin).expect("JSON");
    assert_eq!(origin["predicateType"], "https://slsa.dev/provenance/v1");

    world.run(&["image", "export", "web", "layout"]).expect(0);
    world.run(&["image", "export", "web", "layout"]).expect(2).says("is there already");
    world.run(&["image", "export", "web", "layout.tar"]).expect(0);
    for source in ["oci:layout", "oci:layout:web", "oci-archive:layout.tar"] {
        let seen: Value = serde_json::from_slice(&tool(&world, "skopeo", &["inspect", source])).expect("JSON");
        assert_eq!((&seen["Digest"], &seen["Os"]), (&Value::from(digest), &Value::from("linux")), "{source}");
    }
    tool(&world, "umoci", &["unpack", "--image", "layout:web", "bundle"]);
    let unpacked = std::fs::read(world.app.join("bundle/rootfs/app/subject")).expect("unpacked");
    assert_eq!(unpacked, std::fs::read(world.app.join("subject")).expect("the original"));
    let config = std::fs::read(world.app.join("bundle/config.json")).expect("a bundle");
    let config: Value = serde_json::from_slice(&config).expect("JSON");
    assert_eq!(
        (&config["process"]["user"]["uid"], &config["process"]["cwd"]),
        (&Value::from(65532), &Value::from("/app"))
    );
}

/// What another tool says, which has to be installed (`./test.sh` does it).
fn tool(world: &World, program: &str, arguments: &[&str]) -> Vec<u8> {
    let mut command = command(program);
    command.args(arguments).current_dir(&world.app).env("PATH", "/usr/local/bin:/usr/bin:/bin");
    let output = command.env("HOME", &world.app).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}
