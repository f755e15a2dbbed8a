//! The verdict on a commit: what passes, what does not, and what a person reads first.

use crate::printed::Terminal;
use crate::support::accounts::{Account, administer};
use crate::support::manifest::{Service, app};
use crate::support::world::World;
use seaworthy_host::linux::procfs;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::time::{Duration, Instant};

const FRONT: &str = "GET {{url}}/version\nHTTP 200\n[Asserts]\nbody == \"one\"\n";
const WRITES: &str = "POST {{url}}/version\nHTTP 200\n";

/// A service with a check that looks and one that changes something, and what else a test wants of it.
fn web(lines: &[&str]) -> String {
    let service = Service::web("web", "one").line("checks = [\"front.hurl\", \"writes.hurl\"]");
    app(&[lines.iter().fold(service, |service, line| service.line(line))], &[])
}

/// A committed app.
fn committed(manifest: &str) -> World {
    let world = World::with(manifest);
    world.write("front.hurl", FRONT);
    world.write("writes.hurl", WRITES);
    world.commit();
    world
}

/// A committed app whose bases are locked in the commit: a first lock changes what images stand on.
fn locked(manifest: &str) -> World {
    let world = committed(manifest);
    world.run(&["build", "--no-test"]).expect(0);
    world.commit();
    world
}

/// The verdict, whatever it is.
fn verdict(world: &World, words: &[&str], code: i32) -> Value {
    let ran = world.run(&[&["check", "--json"], words].concat()).expect(code);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}\n{}", ran.stdout, ran.stderr))
}

/// `build web passed`, `test web passed cached`.
fn steps(verdict: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |step: &Value| {
        let cached = if step["cached"] == true { " cached" } else { "" };
        format!("{} {}{cached}", text(&step["id"]), text(&step["outcome"]))
    };
    verdict["steps"].as_array().expect("steps").iter().map(line).collect()
}

/// Nothing of a check is left but what it keeps.
#[track_caller]
fn assert_nothing_left(world: &World) {
    assert_eq!(world.processes().len(), 0, "{:#?}", world.processes());
    let homes = fs::read_dir(world.home.join("throwaway")).map_or(0, Iterator::count);
    assert_eq!(homes, 0, "a home of a node is left");
}

#[test]
fn a_good_commit_passes_and_the_next_time_nothing_runs() {
    let world = locked(&web(&["test = \"echo tested\""]));
    let bundle = world.app.with_file_name("bundle.json");
    let first = verdict(&world, &["--bundle", &bundle.display().to_string()], 0);
    assert_eq!(first["outcome"], "passed", "{first:#}");
    let all = ["validate passed", "test web passed", "build web passed", "functional passed", "gates passed"];
    assert_eq!(steps(&first), all);
    let cases = &first["steps"][3]["cases"];
    assert_eq!(cases.as_array().map(Vec::len), Some(2), "a check that writes is functional, too: {cases}");
    assert_nothing_left(&world);
    let built: Value = serde_json::from_slice(&fs::read(&bundle).expect("a bundle")).expect("JSON");
    assert_eq!(built["provenance"]["commit"], first["commit"]);
    let started = Instant::now();
    let again = verdict(&world, &[], 0);
    let took = started.elapsed();
    let cached = ["validate passed", "test web passed cached", "build web passed cached", "functional passed cached"];
    assert_eq!(steps(&again)[..4], cached);
    assert_eq!(again["release"], first["release"]);
    assert!(took < Duration::from_secs(5), "{took:?}");
    world.write("writes.hurl", "POST {{url}}/version\nHTTP 200\n# another text\n");
    world.commit();
    let changed = verdict(&world, &[], 0);
    assert_eq!(steps(&changed)[3], "functional passed");
}

#[test]
fn a_clean_clone_elsewhere_gives_the_same_verdict_and_the_same_digests() {
    let here =
        committed(&web(&["test = \"echo tested\"", "build = \"pwd > where\"", "files = [\"subject\", \"where\"]"]));
    let there = World::new();
    fs::remove_dir_all(&there.app).expect("the app's folder");
    let mut git = seaworthy_host::process::command("git");
    git.args(["clone", "--quiet"]).arg(&here.app).arg(&there.app).env("PATH", "/usr/bin:/bin").env("HOME", "/nowhere");
    git.args(["-c", "safe.directory=*"]);
    assert!(git.status().expect("git").success());
    let (one, two) = (verdict(&here, &[], 0), verdict(&there, &[], 0));
    assert_eq!(steps(&one), steps(&two));
    for part in ["app", "commit", "release", "outcome", "findings", "gates"] {
        assert_eq!(one[part], two[part], "{part}");
    }
}

#[test]
fn the_first_failing_test_comes_first_with_its_last_lines() {
    let web = Service::web("web", "one").line("test = \"echo looking; echo it is not so >&2; exit 3\"");
    let api = Service::web("api", "one").line("test = \"true\"").line("checks = [\"front.hurl\"]");
    let bad = Service::web("bad", "one").line("build = \"echo no compiler; exit 4\"").line("test = \"true\"");
    let mut terminal = Terminal::new(committed(&app(&[web, api, bad], &[])));
    let mut ran = terminal.world.run(&["check"]);
    // Services are built beside each other: what they print comes in any order.
    ran.stderr.clear();
    terminal.saw(&["check"], &ran).assert("check_failing_test");
    assert_nothing_left(&terminal.world);
}

#[test]
fn a_failing_functional_check_shows_request_expected_and_actual() {
    let mut terminal = Terminal::new(committed(&web(&["env.VERSION = \"two\""])));
    terminal.types(&["check"]).assert("check_failing_functional");
    let verdict = verdict(&terminal.world, &[], 1);
    assert_eq!(verdict["findings"][0]["rule"], "failed-check");
    assert_eq!(verdict["findings"][0]["file"], "front.hurl");
    assert_nothing_left(&terminal.world);
}

#[test]
fn a_release_that_does_not_start_fails_with_its_last_lines() {
    let world = committed(&web(&["env.CRASH = \"at-start\""]));
    let verdict = verdict(&world, &[], 1);
    assert_eq!(steps(&verdict)[2], "functional failed");
    assert_nothing_left(&world);
}

#[test]
fn what_cannot_be_checked_is_refused_in_words() {
    let mut terminal = Terminal::new(World::with(&web(&["env.KEY = { required = true }"])));
    terminal.world.write("front.hurl", FRONT);
    terminal.world.write("writes.hurl", WRITES);
    terminal.world.commit();
    for words in [&["check"][..], &["check", "nowhere"], &["check", "--step-time", "soon"]] {
        terminal.types(words);
    }
    terminal.world.write_manifest("app = ");
    terminal.world.commit();
    terminal.types(&["check"]).assert("check_refused");
}

#[test]
fn a_flaky_test_is_shown_as_one() {
    let flaky = "test = \"echo x >> tries; test $(wc -l < tries) -ge 2\"";
    // Without checks: what is said of steps that run at once comes in any order.
    let service = Service::web("web", "one").line(flaky).line("retry = 1");
    let mut terminal = Terminal::new(locked(&app(&[service], &[])));
    terminal.types(&["check"]).types(&["check"]).assert("check_flaky");
    let verdict = verdict(&terminal.world, &[], 0);
    assert_eq!(verdict["findings"][0]["rule"], "flaky-test");
}

#[test]
fn what_takes_too_much_is_stopped_and_named() {
    let endless = Service::web("endless", "one").line("test = \"while :; do :; done\"");
    let eater = Service::web("eater", "one").line("test = \"x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done\"");
    let bomb = Service::web("bomb", "one").line("test = \"b() { sleep 300 & b & b; }; b\"");
    let flood = Service::web("flood", "one").line("test = \"yes | head -c 1000000000\"");
    let world = committed(&app(&[endless, eater, bomb, flood], &[]));
    let verdict = verdict(&world, &["--step-time", "45s", "--step-memory", "200MB"], 1);
    let reasons = verdict["steps"].to_string();
    for reason in ["`endless` took longer than 45s", "`flood` printed more than 64MiB and was stopped"] {
        assert!(reasons.contains(reason), "no `{reason}` in {reasons}");
    }
    let limited = seaworthy_host::linux::cgroups::Hierarchies::find();
    if seaworthy_host::linux::cgroups::Controller::ALL.iter().all(|one| limited.has(*one)) {
        for reason in ["`eater` wanted more than 200MB of memory", "`bomb` wanted more than"] {
            assert!(reasons.contains(reason), "no `{reason}` in {reasons}");
        }
    }
    assert_nothing_left(&world);
}

#[test]
fn whoever_may_write_no_control_groups_is_limited_all_the_same() {
    let eater = Service::web("eater", "one").line("test = \"x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done\"");
    let bomb = Service::web("bomb", "one").line("test = \"b() { sleep 300 & b & b; }; b\"");
    let hidden = "test = \"setsid sleep 300 & while :; do :; done\"";
    let world = committed(&app(&[eater, bomb, Service::web("hides", "one").line(hidden)], &[]));
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o711)).expect("own folder");
    let account = Account::new(folder.path(), &[]);
    let (app, program) = (account.home.join("app"), folder.path().join("seaworthy"));
    // By another process: a test that forks meanwhile would hold the copy open for writing, and nobody could start it.
    administer("cp", &[env!("CARGO_BIN_EXE_seaworthy"), &program.to_string_lossy()]);
    administer("cp", &["--recursive", &world.app.to_string_lossy(), &app.to_string_lossy()]);
    administer("chown", &["--recursive", &account.uid.to_string(), &app.to_string_lossy()]);
    let mut check = account.command(&program);
    check.args(["check", "--json", "--step-time", "45s", "--step-memory", "200MB"]).current_dir(&app);
    let output = check.env("SEAWORTHY_HOME", account.home.join("state")).output().expect("the check");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}{}", String::from_utf8_lossy(&output.stderr));
    for reason in
        ["`eater` wanted more than 200MB of memory", "`bomb` wanted more than", "`hides` took longer than 45s"]
    {
        assert!(said.contains(reason), "no `{reason}` in {said}");
    }
    let is_left = |pid: u32| fs::metadata(format!("/proc/{pid}")).is_ok_and(|metadata| metadata.uid() == account.uid);
    let left: Vec<_> = procfs::all().into_iter().filter(|stat| stat.state != 'Z' && is_left(stat.pid)).collect();
    assert_eq!(left, [], "they go on");
}

#[test]
fn a_test_that_was_put_right_is_held_against_nothing() {
    let world = locked(&web(&["test = \"sh try.sh\""]));
    world.write("try.sh", "exit 1\n");
    world.commit();
    verdict(&world, &[], 1);
    world.write("try.sh", "exit 0\n");
    world.commit();
    // The release is the same: tests are no part of it.
    world.run(&["deploy", "prod"]).expect(0);
}

#[test]
fn what_no_plan_would_take_does_not_pass() {
    let lines = [
        "env.TOKEN = { secret = \"token\" }",
        "env.KEY = { required = true }",
        "env.OTHER = { required = true }",
        "test = \"echo tested\"",
    ];
    let web = lines.iter().fold(Service::web("web", "one"), |service, line| service.line(line));
    let values = "services.web.env.KEY = \"k\"\nservices.web.env.OTHER = \"o\"";
    let world = World::with(&app(&[web], &[values]));
    world.commit();
    let verdict = verdict(&world, &[], 2);
    let steps = steps(&verdict);
    // What environments say changes nothing of what is built and tested.
    assert_eq!(steps[..3], ["validate refused", "test web passed", "build web passed"], "{steps:?}");
    let said = verdict["steps"][0]["last_lines"].to_string();
    for refusal in [
        "cannot be deployed to `dev`, `prod`: `TOKEN` of `web` is the secret `token`",
        "cannot be deployed to `prod`: `prod` has no value for `KEY` of `web`",
        "cannot be deployed to `prod`: `prod` has no value for `OTHER` of `web`",
        "[environments.prod.services.web.env]",
    ] {
        assert!(said.contains(refusal), "{refusal}: {said}");
    }
    // Nobody but `prod` lacks them, and `dev` has nothing to do with that.
    let plain =
        app(&[Service::web("web", "one").line("env.KEY = { required = true }")], &[values.lines().next().unwrap()]);
    world.write_manifest(&plain);
    world.up();
    world.commit();
    world.run(&["plan", "prod"]).expect(1).says("`prod` has no value for `KEY`");
    world.run(&["check"]).expect(2);
}

#[test]
fn a_program_that_is_not_among_the_files_does_not_pass() {
    let world = World::with(&app(&[Service::web("web", "one").line("run = [\"./subjekt\"]")], &[]));
    world.commit();
    let verdict = self::verdict(&world, &[], 1);
    assert_eq!(steps(&verdict)[..2], ["validate passed", "build web failed"]);
    let reason = verdict["steps"][1]["reason"].as_str().unwrap_or_default();
    assert_eq!(reason, "`web` starts `./subjekt`, which is not in its image");
    assert_eq!(verdict["steps"][1]["help"], "its image holds `subject`: see `files` and `run`");
    // Neither does what was built before under another name.
    world.write_manifest(&app(&[Service::web("web", "one").line("build = \"true\"")], &[]));
    world.commit();
    world.run(&["check"]).expect(0);
    let renamed = Service::web("web", "one").line("build = \"true\"").line("run = [\"./subjekt\"]");
    world.write_manifest(&app(&[renamed], &[]));
    world.commit();
    world.run(&["check"]).expect(1).stdout.find("./subjekt").expect("its name");
}
