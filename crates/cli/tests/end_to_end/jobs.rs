//! Commands that run by the clock.

use crate::printed::Terminal;
use crate::reboot::cut_power;
use crate::support::manifest::{Service, app};
use crate::support::processes::{self, Role};
use crate::support::repository::{Repository, Server};
use crate::support::wait_for;
use crate::support::world::World;
use seaworthy_host::{files, process};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const SOON: Duration = Duration::from_secs(30);
/// A schedule whose next time does not come while a test runs.
const NEVER: &str = "0 0 29 2 *";
/// Begins, waits until it may go on, and ends.
const WAITS: &str = "echo x >> /data/begun; until test -e /data/go; do sleep 0.05; done; echo y >> /data/ended";

/// `web`, and with it a shell.
fn web() -> Service {
    Service::web("web", "v").line("base = [\"dash\", \"coreutils\"]").line("volumes.data = \"/data\"")
}

/// A job of `web` that runs this script.
fn job(name: &str, schedule: &str, script: &str, more: &str) -> String {
    format!(
        "\n[jobs.{name}]\nservice = \"web\"\nrun = [\"sh\", \"-c\", '{script}']\nschedule = \"{schedule}\"\n{more}\n"
    )
}

/// `web`, and one job `tick`.
fn manifest(schedule: &str, script: &str, more: &str) -> String {
    app(&[web()], &[]) + &job("tick", schedule, script, more)
}

fn runs(world: &World) -> Vec<Value> {
    world.json(&["jobs", "dev"]).as_array().expect("a list").clone()
}

fn last(world: &World) -> Value {
    runs(world).first().cloned().unwrap_or_default()
}

/// All runs, once there are so many and none is under way.
fn ended(world: &World, count: usize) -> Vec<Value> {
    wait_for("the job's end", SOON, || {
        let runs = runs(world);
        (runs.len() >= count && runs.iter().all(|run| !run["outcome"].is_null())).then_some(runs)
    })
}

/// How many lines a script wrote into the volume.
fn lines(world: &World, name: &str) -> usize {
    std::fs::read_to_string(world.volume("web").join(name)).map_or(0, |text| text.lines().count())
}

/// Asks for a run, and waits for its end as another program.
fn ask(world: &World) -> Child {
    let mut command = world.command(&["run", "dev", "--job", "tick"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the binary")
}

fn begun(world: &World) {
    wait_for("its beginning", SOON, || (lines(world, "begun") > 0).then_some(()));
}

fn go(world: &World) {
    files::write_atomic(&world.volume("web").join("go"), b"", 0o644).expect("the volume");
}

/// What a statement changes in, or counts of, the node's memory of jobs.
fn memory(world: &World, statement: &str) -> i64 {
    let script = "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], timeout=10); done = db.execute(sys.argv[2]); \
                  row = done.fetchone(); db.commit(); print(row[0] if row else done.rowcount)";
    let mut python = process::command("python3");
    python.env("PATH", "/usr/local/bin:/usr/bin:/bin").args(["-c", script]).arg(world.home.join("node/store.db"));
    let output = python.arg(statement).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

fn known(world: &World) {
    wait_for("the node's look at it", SOON, || (memory(world, "select count(*) from jobs") == 1).then_some(()));
}

/// As if nobody had looked at the clock for five hours.
fn forget_the_last_hours(world: &World) {
    let changed = memory(world, "update jobs set until = strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '-5 hours')");
    assert_eq!(changed, 1, "nothing is known of the job");
}

fn kill_node(world: &World) {
    processes::kill(world.pid(Role::Node));
}

#[test]
fn what_verbs_say_of_jobs() {
    let fails = job("fails", NEVER, "echo no such table >&2; exit 3", "timezone = \"Europe/Zurich\"");
    let slow = job("slow", NEVER, "echo begun; sleep 1000", "time_limit = \"1s\"\nenvironments = [\"dev\"]");
    let all = manifest(NEVER, "echo $VERSION $(pwd)", "") + &fails + &slow;
    let mut terminal = Terminal::new(World::with(&app(&[web()], &[])));
    terminal.world.up();
    terminal.types(&["jobs"]).types(&["run", "dev", "--job", "tick"]);
    terminal.world.write_manifest(&all);
    terminal.types(&["plan"]).types(&["plan", "prod"]);
    terminal.world.up();
    terminal.types(&["status"]).types(&["jobs"]);
    for job in ["tick", "fails", "slow", "tikc"] {
        terminal.types(&["run", "dev", "--job", job]);
    }
    terminal.types(&["run", "dev", "--job", "fails", "--json"]);
    terminal.types(&["run", "dev", "web", "--job", "tick"]);
    terminal.types(&["status"]).types(&["jobs", "dev", "fails"]).types(&["jobs", "dev", "tick", "--json"]);
    terminal.types(&["history", "-n", "3"]);
    terminal.types(&["jobs", "dev", "tikc"]).types(&["jobs", "prod"]);
    terminal.world.run(&["down", "dev"]).expect(0);
    terminal.types(&["run", "dev", "--job", "tick"]);
    let logs = terminal.world.run(&["logs", "dev", "web"]).expect(0).stdout;
    assert!(logs.contains(" web/tick-1 | v /app"), "{logs}");
    assert!(logs.contains(" web/fails-2 ! no such table"), "{logs}");
    terminal.assert("what_verbs_say_of_jobs");
}

#[test]
fn one_that_takes_too_long_is_ended_with_all_that_it_started() {
    let world = World::with(&manifest(NEVER, "sleep 70707 & sleep 70707", "time_limit = \"1s\""));
    world.up();
    world.run(&["run", "dev", "--job", "tick"]).expect(1).says("took too long: its time limit is 1s");
    assert_eq!(last(&world)["outcome"], "timed-out");
    let left = seaworthy_host::linux::procfs::all()
        .into_iter()
        .any(|stat| std::fs::read(format!("/proc/{}/cmdline", stat.pid)).is_ok_and(|line| line == b"sleep\x0070707\0"));
    assert!(!left, "it goes on");
}

#[test]
fn no_two_run_at_once_and_what_was_left_out_is_counted() {
    let world = World::with(&manifest("0 * * * *", WAITS, ""));
    world.up();
    known(&world);
    forget_the_last_hours(&world);
    begun(&world);
    world.run(&["run", "dev", "--job", "tick"]).expect(2).says("a run of `tick` is under way");
    forget_the_last_hours(&world);
    wait_for("one that is left out", SOON, || (world.dev()["jobs"][0]["skipped"] == 1).then_some(()));
    go(&world);
    let runs = ended(&world, 1);
    assert_eq!((runs.len(), &runs[0]["outcome"]), (1, &Value::from("succeeded")));
    // Five hours were missed: one run makes up for them.
    assert_eq!(lines(&world, "begun"), 1);
}

#[test]
fn a_killed_node_neither_forgets_a_run_nor_starts_it_twice() {
    let world = World::with(&manifest("0 * * * *", WAITS, ""));
    world.up();
    known(&world);
    forget_the_last_hours(&world);
    begun(&world);
    for _ in 0..2 {
        kill_node(&world);
        world.run(&["node", "start"]).expect(0);
    }
    assert!(last(&world)["outcome"].is_null(), "it goes on");
    kill_node(&world);
    go(&world);
    wait_for("its end, without a node", SOON, || (lines(&world, "ended") > 0).then_some(()));
    world.run(&["node", "start"]).expect(0);
    let runs = ended(&world, 1);
    assert_eq!((runs.len(), &runs[0]["outcome"]), (1, &Value::from("succeeded")));
    assert_eq!((lines(&world, "begun"), lines(&world, "ended")), (1, 1));
}

#[test]
fn a_run_that_ended_in_time_while_there_was_no_node_did_not_take_too_long() {
    let world = World::with(&manifest(NEVER, WAITS, "time_limit = \"3s\""));
    world.up();
    let mut child = ask(&world);
    begun(&world);
    let since = Instant::now();
    kill_node(&world);
    assert_eq!(child.wait().expect("an end").code(), Some(1));
    go(&world);
    wait_for("its end and its time limit", SOON, || {
        (lines(&world, "ended") > 0 && since.elapsed() > Duration::from_secs(3)).then_some(())
    });
    world.run(&["node", "start"]).expect(0);
    assert_eq!(ended(&world, 1)[0]["outcome"], "succeeded");
}

#[test]
fn a_run_that_went_down_with_the_machine_is_lost_and_is_not_repeated() {
    let world = World::with(&manifest(NEVER, WAITS, ""));
    world.up();
    let mut child = ask(&world);
    begun(&world);
    cut_power(&world);
    child.wait().expect("an end");
    let runs = ended(&world, 1);
    assert_eq!((runs.len(), &runs[0]["outcome"]), (1, &Value::from("lost")));
    assert_eq!(lines(&world, "begun"), 1);
    world.run(&["status", "dev"]).expect(0).stdout.find("was lost").expect("status tells");
}

#[test]
fn what_was_missed_while_the_node_was_down_is_made_up_for_once_and_what_comes_back_missed_nothing() {
    let world = World::with(&manifest("0 * * * *", "echo x >> /data/begun", ""));
    world.up();
    known(&world);
    world.run(&["node", "stop"]).expect(0);
    wait_for("the node's end", SOON, || (world.count(Role::Node) == 0).then_some(()));
    forget_the_last_hours(&world);
    world.run(&["node", "start"]).expect(0);
    let runs = ended(&world, 1);
    assert!(runs[0]["due_at"].is_string());
    assert_eq!(lines(&world, "begun"), 1);
    forget_the_last_hours(&world);
    world.run(&["down", "dev"]).expect(0);
    wait_for("the node's look", SOON, || (memory(&world, "select count(*) from jobs") == 0).then_some(()));
    let before = self::runs(&world).len();
    world.up();
    known(&world);
    assert_eq!(ended(&world, before).len(), before);
}

#[test]
fn down_and_the_end_of_everything_end_runs_too() {
    let script = "trap \"echo y >> /data/ended; exit 0\" TERM; echo x >> /data/begun; while :; do sleep 0.05; done";
    let world = World::with(&manifest(NEVER, script, ""));
    for (words, count) in [(&["down", "dev"][..], 1), (&["node", "stop", "--all"], 2)] {
        world.up();
        let mut child = ask(&world);
        wait_for("its beginning", SOON, || (lines(&world, "begun") == count).then_some(()));
        world.run(words).expect(0);
        wait_for("its end", SOON, || (lines(&world, "ended") == count).then_some(()));
        child.wait().expect("an end");
        // Who only reads does not start what was stopped.
        world.run(&["node", "start"]).expect(0);
        assert_eq!(ended(&world, count)[0]["outcome"], "stopped");
    }
}

#[test]
fn a_deployment_leaves_a_run_alone_and_the_clock_starts_the_next_one() {
    let world = World::with(&manifest("* * * * *", "echo one >> /data/minutes", ""));
    world.up();
    // By the clock alone.
    wait_for("the minute's run", Duration::from_secs(90), || (lines(&world, "minutes") > 0).then_some(()));
    world.deploy(&manifest(NEVER, WAITS, ""));
    let mut child = ask(&world);
    begun(&world);
    world.deploy(&manifest(NEVER, "echo three", "").replace("env.VERSION = \"v\"", "env.VERSION = \"w\""));
    world.outcome();
    assert!(last(&world)["outcome"].is_null(), "its revision was replaced, and it goes on");
    go(&world);
    assert!(child.wait().expect("an end").success());
    assert_eq!(lines(&world, "ended"), 1);
}

#[test]
fn whoever_is_told_of_commits_is_told_of_jobs_that_fail() {
    let world = World::following();
    let repository = Repository::new(&world);
    let server = Server::start(&world, "no-token-is-asked-for");
    let notify = format!("notify.webhook = \"{}\"", server.url("hook"));
    let dev = ["follow = \"main\"", &format!("repository = \"{}\"", repository.url()), "bake = \"0s\"", &notify];
    world.write_manifest(&(app(&[web()], &dev) + &job("tick", NEVER, "echo no such table >&2; exit 3", "")));
    repository.push(&world, "main");
    world.up();
    world.run(&["run", "dev", "--job", "tick"]).expect(1);
    let told = wait_for("the webhook", SOON, || {
        let told = server.told().into_iter().filter(|call| call["path"] == "/hook");
        let mut bodies = told.filter_map(|call| serde_json::from_str::<Value>(call["body"].as_str()?).ok());
        bodies.find(|body| body["event"] == "seaworthy.job")
    });
    let expected = ["tick", "failed", "ended with exit code 3"].map(Value::from);
    assert_eq!([&told["job"], &told["outcome"], &told["reason"]], expected.each_ref(), "{told:#}");
    assert_eq!(told["last_lines"][0], "no such table", "{told:#}");
}

#[test]
fn logs_of_the_last_runs_are_kept_and_no_more() {
    let world = World::with(&manifest(NEVER, "echo x", ""));
    world.up();
    for number in 0..12 {
        if number == 6 {
            // Another pool of the same service.
            let other = manifest(NEVER, "echo x", "").replace("env.VERSION = \"v\"", "env.VERSION = \"w\"");
            world.deploy(&other);
        }
        world.run(&["run", "dev", "--job", "tick"]).expect(0);
    }
    let folder: PathBuf = world.home.join("logs/subject/dev/web");
    let names = std::fs::read_dir(&folder).expect("logs").flatten().map(|entry| entry.file_name());
    let names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    assert_eq!(names.iter().filter(|name| name.contains("-job-tick-")).count(), 10, "{names:?}");
    assert_eq!(runs(&world).len(), 12);
}
