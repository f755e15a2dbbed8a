//! `before` and one-off commands.

use crate::world::{World, eventually, is_alive, set};
use seaworthy_deploy::Target as _;
use seaworthy_engine::wire::ExitKind;
use seaworthy_engine::{JobCommand, RunOutput};
use seaworthy_host::process::{self, Signal};
use seaworthy_model::pool::PoolSpec;
use std::path::Path;
use std::time::Duration;

/// A pool whose `before` commands write into a volume that the test can see.
fn with_before(world: &World, scripts: &[&str]) -> PoolSpec {
    let mut spec = world.script("exec cat");
    spec.before = scripts.iter().map(|script| ["sh", "-c", *script].map(str::to_owned).to_vec()).collect();
    spec.volumes.insert(crate::world::name("data"), "/data".to_owned());
    set(&mut spec, "DATA", "${volumes.data}");
    spec
}

fn written(world: &World) -> String {
    let path = world.options.home.join("volumes/app/test/script/data/log");
    std::fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn commands_run_in_order_once_per_deployment() {
    let world = World::new();
    let spec = with_before(&world, &["echo one >> $DATA/log", "echo two >> $DATA/log"]);
    world.target().before(1, &spec).await.unwrap();
    assert_eq!(written(&world), "one\ntwo\n");
    world.target().before(1, &spec).await.unwrap();
    assert_eq!(written(&world), "one\ntwo\n", "the same call again runs nothing again");
    world.target().before(2, &spec).await.unwrap();
    assert_eq!(written(&world), "one\ntwo\none\ntwo\n");
    world.end().await;
}

#[tokio::test]
async fn a_command_that_fails_stops_the_next_and_shows_its_last_words() {
    let world = World::new();
    let spec = with_before(&world, &["echo no such table >&2; exit 4", "echo two >> $DATA/log"]);
    let error = world.target().before(1, &spec).await.unwrap_err();
    assert!(error.message.ends_with("of `script` failed with exit code 4"), "{error}");
    assert_eq!(error.evidence, ["no such table"]);
    assert_eq!(written(&world), "");
    world.end().await;
}

#[tokio::test]
async fn a_node_that_comes_back_waits_for_the_command_that_runs() {
    let mut world = World::new();
    let spec = with_before(
        &world,
        &["echo start >> $DATA/log; while [ ! -e $DATA/go ]; do sleep 0.01; done; echo end >> $DATA/log"],
    );
    let given_up = tokio::time::timeout(Duration::from_millis(300), world.target().before(1, &spec)).await;
    assert!(given_up.is_err());
    eventually("it runs", || (written(&world) == "start\n").then_some(())).await;
    world.restart_node();
    world.target().adopt().await.unwrap();
    let go = world.options.home.join("volumes/app/test/script/data/go");
    let (result, ()) =
        tokio::join!(world.target().before(1, &spec), async { std::fs::File::create(go).map(drop).unwrap() });
    result.unwrap();
    assert_eq!(written(&world), "start\nend\n");
    world.end().await;
}

#[tokio::test]
async fn a_command_that_ended_while_no_node_ran_is_not_run_again() {
    let mut world = World::new();
    let spec = with_before(&world, &["echo start >> $DATA/log; while [ ! -e $DATA/go ]; do sleep 0.01; done; exit 5"]);
    let given_up = tokio::time::timeout(Duration::from_millis(300), world.target().before(1, &spec)).await;
    assert!(given_up.is_err());
    eventually("it runs", || (written(&world) == "start\n").then_some(())).await;
    let shim = world.shims().remove(0);
    world.node_dies();
    std::fs::File::create(world.options.home.join("volumes/app/test/script/data/go")).unwrap();
    let gone = || (!process::is_alive(shim.shim_pid, shim.shim_start_time)).then_some(());
    eventually("it has ended", gone).await;
    world.restart_node();
    world.target().adopt().await.unwrap();
    let error = world.target().before(1, &spec).await.unwrap_err();
    assert!(error.message.ends_with("failed with exit code 5"), "{error}");
    assert_eq!(written(&world), "start\n");
    world.end().await;
}

#[tokio::test]
async fn a_lost_command_fails_in_words_and_runs_again_in_the_next_attempt() {
    let world = World::new();
    let spec = with_before(&world, &["echo start >> $DATA/log; [ -e $DATA/go ] || sleep 1000"]);
    let lost = async {
        let shim =
            eventually("it runs", || (written(&world) == "start\n").then(|| world.shims().pop()).flatten()).await;
        // Only then has it told the node that it has started its program.
        let stdin = format!("/proc/{}/fd/0", shim.shim_pid);
        let told = || (std::fs::read_link(&stdin).ok()? == Path::new("/dev/null")).then_some(());
        eventually("it has answered", told).await;
        process::signal_exactly(shim.shim_pid, shim.shim_start_time, Signal::SIGKILL).unwrap();
    };
    let (result, ()) = tokio::join!(world.target().before(1, &spec), lost);
    let error = result.unwrap_err();
    assert!(error.message.ends_with("was lost: nobody knows how it ended"), "{error}");
    std::fs::File::create(world.options.home.join("volumes/app/test/script/data/go")).unwrap();
    world.target().before(2, &spec).await.unwrap();
    assert_eq!(written(&world), "start\nstart\n");
    world.end().await;
}

#[tokio::test]
async fn stopping_the_pool_ends_its_commands() {
    let world = World::new();
    let spec = with_before(&world, &["echo start >> $DATA/log; sleep 1000"]);
    let stop = async {
        eventually("it runs", || (written(&world) == "start\n").then_some(())).await;
        world.target().stop(&spec.id).await.unwrap();
    };
    let (result, ()) = tokio::join!(world.target().before(1, &spec), stop);
    assert!(result.unwrap_err().message.ends_with("was stopped"));
    assert!(world.processes().is_empty());
    world.end().await;
}

/// A run of a job in that pool.
fn job(spec: PoolSpec, script: &str) -> JobCommand {
    let run = ["sh", "-c", script].map(str::to_owned).to_vec();
    JobCommand { job: crate::world::name("nightly"), number: 1, pool: spec, run }
}

#[tokio::test]
async fn a_run_of_a_job_outlives_its_node_and_the_pool_that_it_came_from() {
    let mut world = World::new();
    let spec = with_before(&world, &[]);
    let script = "echo start >> $DATA/log; while [ ! -e $DATA/go ]; do sleep 0.01; done; exit 5";
    let job = job(spec.clone(), script);
    world.target().start_job(&job).await.unwrap();
    eventually("it runs", || (written(&world) == "start\n").then_some(())).await;
    world.restart_node();
    world.target().adopt().await.unwrap();
    assert!(world.target().resume_job(&job).await.unwrap());
    world.target().stop(&spec.id).await.unwrap();
    let go = world.options.home.join("volumes/app/test/script/data/go");
    let (result, ()) =
        tokio::join!(world.target().wait_for_job(&job), async { std::fs::File::create(go).map(drop).unwrap() });
    assert_eq!(result.unwrap().how, ExitKind::Code(5));
    // It was faster than whoever ends it.
    assert_eq!(world.target().end_job(&job).await.unwrap().map(|exit| exit.how), Some(ExitKind::Code(5)));
    world.target().forget_job(&job).unwrap();
    assert!(!world.target().resume_job(&job).await.unwrap(), "what was forgotten is not started again");
    assert_eq!(written(&world), "start\n");
    world.end().await;
}

#[tokio::test]
async fn a_run_of_a_job_that_is_ended_gets_sigterm_and_its_grace_time() {
    let world = World::new();
    let spec = with_before(&world, &[]);
    let script = "trap 'echo term >> $DATA/log; exit 0' TERM; echo start >> $DATA/log; while :; do sleep 0.01; done";
    let job = job(spec, script);
    world.target().start_job(&job).await.unwrap();
    eventually("it runs", || (written(&world) == "start\n").then_some(())).await;
    assert_eq!(world.target().end_job(&job).await.unwrap(), None);
    assert_eq!(written(&world), "start\nterm\n");
    assert!(world.target().wait_for_job(&job).await.unwrap_err().message.ends_with("was stopped"));
    assert!(world.processes().is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_one_off_command_streams_its_lines_and_its_exit() {
    let world = World::new();
    let spec = world.script("exec cat");
    let words = ["sh", "-c", "echo out; echo err >&2; exit 3"].map(str::to_owned);
    let mut run = world.target().run_once(&spec, &words).await.unwrap();
    let mut lines = Vec::new();
    let exit = loop {
        match run.next().await.unwrap() {
            RunOutput::Line(line) => lines.push(line.text),
            RunOutput::Exit(exit) => break exit.how,
            RunOutput::Failed(error) => panic!("{error}"),
        }
    };
    lines.sort();
    assert_eq!(lines, ["err", "out"]);
    assert_eq!(exit, ExitKind::Code(3));
    assert!(run.next().await.is_none());
    world.end().await;
}

#[tokio::test]
async fn a_one_off_command_ends_when_nobody_listens_any_more() {
    let world = World::new();
    let spec = world.script("exec cat");
    let words = ["sh", "-c", "echo $$; exec sleep 1000"].map(str::to_owned);
    let mut run = world.target().run_once(&spec, &words).await.unwrap();
    let Some(RunOutput::Line(line)) = run.next().await else { panic!() };
    let pid: u32 = line.text.parse().unwrap();
    assert!(is_alive(pid));
    drop(run);
    eventually("it has ended", || (!is_alive(pid)).then_some(())).await;
    eventually("its folder is gone", || world.shims().is_empty().then_some(())).await;
    world.end().await;
}

#[test]
fn a_one_off_command_of_a_node_that_died_ends_with_the_next_one_and_is_forgotten() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let mut world = World::new();
    let spec = world.script("exec cat");
    let words = ["sh", "-c", "echo $$; exec sleep 1000"].map(str::to_owned);
    // A node's tasks die with it: nobody ends what it listened to.
    let first = runtime();
    let (pid, run) = first.block_on(async {
        let mut run = world.target().run_once(&spec, &words).await.unwrap();
        let Some(RunOutput::Line(line)) = run.next().await else { panic!() };
        (line.text.parse::<u32>().unwrap(), run)
    });
    let id = run.id.clone();
    first.shutdown_background();
    drop(run);
    world.restart_node();
    assert!(is_alive(pid));
    let remembered = |world: &World| -> u32 {
        let database = rusqlite::Connection::open(world.options.home.join("engine.db")).unwrap();
        database.query_row("SELECT count(*) FROM commands", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(remembered(&world), 1);
    runtime().block_on(async {
        let adopted = world.target().adopt().await.unwrap();
        assert_eq!(adopted.removed, [id]);
        assert!(!is_alive(pid));
        assert_eq!(remembered(&world), 0);
        assert!(world.target().adopt().await.unwrap().removed.is_empty());
        world.end().await;
    });
}
