//! A commit is sent to the node, which tests and builds it as it does what it follows.

use super::printed::Terminal;
use super::printed_live::Live;
use super::support::manifest::small;
use super::support::processes::{self, Role};
use super::support::remote::Machine;
use super::support::repository::{followed, git};
use super::support::wait_for;
use super::support::world::World;
use seaworthy_api::wire::SentCommit;
use seaworthy_api::{Client, ClientError, Transport};
use seaworthy_host::files;
use seaworthy_model::Name;
use seaworthy_model::run::Run;
use serde_json::Value;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

const SEND: [&str; 3] = ["deploy", "dev", "--build-on-node"];
/// A build, its tests and a throwaway node lie between.
const BUILT: Duration = Duration::from_secs(120);

/// A committed app with a test that files can slow down or break, and that follows nothing.
fn committed(version: &str) -> World {
    let world = World::new();
    world.write("version.hurl", "GET {{url}}/version\nHTTP 200\n");
    commit(&world, version);
    world
}

fn manifest(version: &str) -> String {
    let manifest = followed("/srv/none.git", version, &[]);
    let lines = manifest.lines().filter(|line| !line.starts_with("follow = ") && !line.starts_with("repository = "));
    lines.collect::<Vec<_>>().join("\n") + "\n"
}

fn commit(world: &World, version: &str) -> String {
    world.write_manifest(&manifest(version));
    world.commit();
    git(world, &["rev-parse", "HEAD"]).trim().to_owned()
}

/// What lies between its coming in and its being taken in.
fn uploads(world: &World) -> Vec<PathBuf> {
    let folder = world.home.join("delivery/subject/sent");
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

fn last_run(world: &World) -> Value {
    world.json(&["runs", "dev"])[0].clone()
}

/// How many KB were sent, as the verb says it.
fn sent_kb(stderr: &str) -> u64 {
    let line = stderr.lines().find(|line| line.contains("sent commit")).expect("a line that says what was sent");
    let before = line.split(" KB").next().and_then(|text| text.rsplit(' ').next());
    before.and_then(|number| number.parse().ok()).expect("a number of KB")
}

#[test]
fn what_is_sent_is_tested_built_and_deployed_and_only_what_is_new_travels() {
    let world = committed("one");
    let first = git(&world, &["rev-parse", "HEAD"]);
    let whole = world.run(&SEND).expect(0).says("test ok web").says("on the node").says("deployment 1 of subject");
    assert!(sent_kb(&whole.stderr) > 100, "{}", whole.stderr);
    assert_eq!(world.text("/version"), "one");
    assert_eq!(uploads(&world), Vec::<PathBuf>::new());
    let status = world.json(&["status", "dev"])["environments"][0].clone();
    assert_eq!(status["commit"], first.trim(), "{status:#}");
    assert_eq!((&status["deployment"]["actor"]["user"], &status["follow"]), (&"root".into(), &Value::Null));

    // Built here from the same commit it is the very same release, of the same source.
    let same = world.run(&["deploy", "dev"]).expect(0);
    assert!(same.stderr.contains("nothing to do"), "{}", same.stderr);

    commit(&world, "two");
    let rest = world.run(&SEND).expect(0);
    assert!(sent_kb(&rest.stderr) <= 4, "{}", rest.stderr);
    assert_eq!(world.text("/version"), "two");
    // The node has all of it: nothing travels.
    let again = world.run(&SEND).expect(0).says("nothing to do");
    assert_eq!(sent_kb(&again.stderr), 0);
    let runs = world.run(&["runs", "dev"]).expect(0).stdout;
    assert_eq!(runs.matches("sent by root -> dev").count(), 3, "{runs}");
    assert!(runs.contains("tested and built"), "{runs}");
    world.run(&["plan", "dev", "--build-on-node"]).expect(0);
}

#[test]
fn a_test_that_fails_there_fails_the_verb_with_its_last_lines() {
    let world = committed("one");
    world.run(&SEND).expect(0);
    world.write("broken", "two cannot count\n");
    let broken = commit(&world, "two");
    let ran = world.run(&SEND).expect(1).says("the test of `web` failed").says("  | two cannot count");
    assert!(!ran.stderr.contains("deployment 2"), "{}", ran.stderr);
    assert_eq!(world.text("/version"), "one");
    let history = world.json(&["history", "dev"]);
    let of_refused: Vec<bool> = history.as_array().unwrap().iter().map(|one| one["run"].is_object()).collect();
    assert_eq!(of_refused, [true, false], "{history:#}");
    let history = world.run(&["history", "dev"]).expect(0).stdout;
    assert!(history.contains(&broken[..10]) && history.contains("sent by root"), "{history}");
    let ran = world.run(&["deploy", "dev", "--build-on-node", "--json"]).expect(1);
    let errors: Value = serde_json::from_str(&ran.stdout).expect("one JSON document");
    assert_eq!(errors["errors"][0]["evidence"][0], "two cannot count", "{errors:#}");
    assert_eq!(uploads(&world), Vec::<PathBuf>::new());
}

#[test]
fn what_is_not_committed_is_not_sent() {
    let world = World::with(&small("one"));
    world.run(&SEND).expect(2).says("is in no commit").says("git init");
    world.commit();
    world.write("new", "x");
    world.run(&SEND).expect(2).says("changes that no commit holds").says("?? new");
    let runs = world.json(&["runs", "dev"]);
    assert_eq!(runs.as_array().map(Vec::len), Some(0), "{runs:#}");
}

#[test]
fn a_killed_node_begins_again_and_the_verb_waits_for_it() {
    let world = committed("one");
    world.write("slow", "6");
    commit(&world, "one");
    let live = Live::begin(&world, &SEND);
    live.stderr.until("     test");
    let node = world.processes().into_iter().find(|process| {
        // The check may have a node of its own by now, which ends with it.
        process.role == Role::Node && !process.command.contains("--throwaway")
    });
    processes::kill(node.expect("a node").pid);
    let ran = live.ended();
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.text("/version"), "one");
    let run = last_run(&world);
    assert_eq!((&run["outcome"], &run["attempts"]), (&"built".into(), &2.into()), "{run:#}");
    assert_eq!(uploads(&world), Vec::<PathBuf>::new());
}

#[test]
fn whoever_stops_waiting_stops_the_build_and_whoever_sends_another_commit_too() {
    let world = committed("one");
    world.write("slow", "600");
    commit(&world, "one");
    let live = Live::begin(&world, &SEND);
    live.stderr.until("     test");
    let ran = live.interrupt();
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("run 1 was stopped"), "{}", ran.stderr);
    let ended = |number: usize, outcome: &str| {
        wait_for(outcome, BUILT, || {
            let run = world.json(&["runs", "dev"])[number].clone();
            (run["state"] == "done").then(|| assert_eq!(run["outcome"], outcome, "{run:#}"))
        });
    };
    ended(0, "stopped");
    assert!(processes_named(&world, "sleep").is_empty(), "the test goes on");

    // The same commit twice is one run; another one takes its place.
    let first = Live::begin(&world, &SEND);
    first.stderr.until("     test");
    let second = Live::begin(&world, &SEND);
    second.stderr.until("run 2");
    world.write("slow", "0");
    commit(&world, "two");
    world.run(&SEND).expect(0);
    for (live, words) in [(first, "another commit was sent"), (second, "another commit was sent")] {
        let ran = live.ended();
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    ended(1, "superseded");
    assert_eq!(world.json(&["runs", "dev"]).as_array().map(Vec::len), Some(3));
    assert_eq!(world.text("/version"), "two");
}

/// Processes of this world's builds.
fn processes_named(world: &World, name: &str) -> Vec<u32> {
    let folder = world.home.join("delivery");
    let is_it = |pid: &u32| {
        let root = std::fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
        let command = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        command.trim() == name && root.contains(&*folder.to_string_lossy())
    };
    seaworthy_host::linux::procfs::all().iter().map(|stat| stat.pid).filter(is_it).collect()
}

/// Sends a commit as a clumsy or hostile client would.
fn send(world: &World, commit: &str, manifest: &str, bundle: Option<&Path>) -> Result<Run, ClientError> {
    let socket = seaworthy_host::runtime_directory(&world.home).expect("the sockets' folder").join("node.sock");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut client = Client::new(Transport::Unix(socket));
        let (app, environment) = (Name::new("subject").expect("a name"), Name::new("dev").expect("a name"));
        let sent = SentCommit { commit: commit.to_owned(), manifest: manifest.to_owned() };
        let file = match bundle {
            Some(path) => Some(tokio::fs::File::open(path).await.expect("a bundle")),
            None => None,
        };
        client.send_commit(&app, &environment, &sent, file).await
    })
}

#[test]
fn a_bundle_that_is_not_what_it_says_is_refused() {
    let world = committed("one");
    world.run(&["node", "start"]).expect(0);
    let head = git(&world, &["rev-parse", "HEAD"]).trim().to_owned();
    let bundle = |name: &str, words: &[&str]| {
        let path = world.app.with_file_name(name);
        git(&world, &[&["bundle", "create", "--quiet", &path.display().to_string()], words].concat());
        path
    };
    let whole = bundle("whole", &["HEAD"]);
    let garbage = world.app.with_file_name("garbage");
    files::write_atomic(&garbage, &vec![0xff; 1 << 20], 0o644).unwrap();
    let cut = world.app.with_file_name("cut");
    let bytes = files::read(&whole).unwrap();
    files::write_atomic(&cut, &bytes[..bytes.len() / 2], 0o644).unwrap();
    let changed = world.app.with_file_name("changed");
    let mut bytes = bytes;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    files::write_atomic(&changed, &bytes, 0o644).unwrap();
    world.write("more", "x");
    world.commit();
    let lacking = bundle("lacking", &["HEAD", "--not", "HEAD~1"]);
    let newer = git(&world, &["rev-parse", "HEAD"]).trim().to_owned();
    let other = bundle("other", &["HEAD"]);
    let of_branch = bundle("branch", &["--branches"]);
    let nowhere = "1".repeat(40);
    let cases = [
        ("no bundle", &head, Some(&garbage), "is not taken in"),
        ("half a bundle", &head, Some(&cut), "is not taken in"),
        ("a changed bundle", &head, Some(&changed), "is not taken in"),
        ("what it builds on is not here", &newer, Some(&lacking), "is not taken in"),
        ("another commit", &head, Some(&other), "does not hold the commit"),
        ("no HEAD", &newer, Some(&of_branch), "is not taken in"),
        ("nothing", &nowhere, None, "does not hold the commit"),
    ];
    for (what, commit, bundle, words) in cases {
        let run = send(&world, commit, "seaworthy.toml", bundle.map(PathBuf::as_path)).expect(what);
        let ended = wait_for(what, BUILT, || {
            let runs = world.json(&["runs", "dev"]);
            let run = runs.as_array()?.iter().find(|one| one["id"] == run.id)?.clone();
            (run["state"] == "done").then_some(run)
        });
        assert_eq!(ended["outcome"], "refused", "{what}: {ended:#}");
        assert!(ended["failure"]["message"].as_str().is_some_and(|text| text.contains(words)), "{what}: {ended:#}");
    }
    assert_eq!(uploads(&world), Vec::<PathBuf>::new());
    let long = "x".repeat(2000);
    for (commit, manifest) in [
        ("HEAD", "seaworthy.toml"),
        ("--upload-pack=touch", "seaworthy.toml"),
        (&head[..39], "seaworthy.toml"),
        (&head, ""),
        (&head, "../seaworthy.toml"),
        (&head, "/etc/passwd"),
        (&head, "--json"),
        (&head, &long),
    ] {
        let refused = send(&world, commit, manifest, Some(&whole));
        assert!(matches!(refused, Err(ClientError::Refused { status: 422, .. })), "{commit} {manifest}: {refused:?}");
    }
    assert_eq!(uploads(&world), Vec::<PathBuf>::new());
    // What was refused keeps nobody from sending what is right.
    send(&world, &head, "seaworthy.toml", Some(&whole)).expect("a run");
    world.run(&SEND).expect(0);
    assert_eq!(world.text("/version"), "one");
}

#[test]
fn a_node_on_another_machine_builds_it_and_a_lost_connection_ends_nothing() {
    let (world, machine) = (committed("one"), Machine::with_program());
    let prod = format!("[environments.prod]\nnode = \"{}\"\nbake = \"0s\"\nisolation = \"none\"\n", machine.url());
    let manifest = std::fs::read_to_string(world.app.join("seaworthy.toml")).expect("a manifest");
    world.write_manifest(&manifest.replace("[environments.prod]\n", &prod));
    world.write("slow", "4");
    world.commit();
    let mut command = machine.command(&world, "good", &["deploy", "prod", "--build-on-node"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary");
    let mut pipe = child.stderr.take().expect("a pipe");
    let mut said = String::new();
    while !said.contains("     test") {
        let mut piece = [0; 1024];
        let count = pipe.read(&mut piece).expect("text");
        assert!(count > 0, "it ended before its test:\n{said}");
        said.push_str(&String::from_utf8_lossy(&piece[..count]));
    }
    machine.cut();
    pipe.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("a child").code(), Some(0), "{said}");
    assert!(said.contains("on the node") && said.contains("ssh://"), "{said}");
    let answer = super::support::http::get(machine.port, "web.localhost", "/version").expect("an answer");
    assert_eq!(answer.text(), "one");
    let runs = machine.run(&world, &["runs", "prod"]).expect(0).stdout;
    assert_eq!(runs.matches(&format!("sent by {} -> prod", machine.user.name)).count(), 1, "{runs}");
}

#[test]
fn what_is_printed_about_a_commit_that_is_sent() {
    // Without a check, which would be run beside the test: what both print comes in any order.
    let manifest = |version: &str| {
        let manifest = manifest(version);
        manifest.lines().filter(|line| !line.starts_with("checks = ")).collect::<Vec<_>>().join("\n")
    };
    let mut terminal = Terminal::new(World::with(&manifest("one")));
    terminal.world.commit();
    terminal.types(&SEND).types(&["runs", "dev"]);
    terminal.world.write("broken", "two cannot count\n");
    terminal.world.write_manifest(&manifest("two"));
    terminal.world.commit();
    terminal.types(&["up", "dev", "--build-on-node"]).types(&["history", "dev"]);
    terminal.world.write("new", "x");
    terminal.types(&SEND).types(&["up", "dev", "--build-on-node", "--json"]).assert("a_commit_that_is_sent");
}
