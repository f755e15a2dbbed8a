//! What programs write.

use crate::world::{World, eventually, name};
use seaworthy_deploy::Target as _;
use seaworthy_engine::LogSelection;
use seaworthy_engine::logs::Stream;
use seaworthy_engine::wire::BackOffLimits;
use seaworthy_model::pool::Sandbox;
use std::time::Duration;

#[tokio::test]
async fn a_flood_is_bounded_and_the_last_lines_are_there() {
    let world = World::new();
    let long_lines = "i=0; while [ $i -lt 30 ]; do head -c 100000 /dev/zero | tr '\\0' x; echo; i=$((i+1)); done";
    let spec = world.script(&format!("{long_lines}; seq 20000; echo end; exec cat"));
    world.up(&spec).await;
    eventually("it has written all", || (world.lines(1) == ["end"]).then_some(())).await;
    assert_eq!(world.lines(3), ["19999", "20000", "end"]);
    let folder = world.options.home.join("logs/app/test/script");
    let sizes: Vec<u64> = std::fs::read_dir(folder).unwrap().flatten().map(|f| f.metadata().unwrap().len()).collect();
    assert_eq!(sizes.len(), 3);
    assert!(sizes.iter().all(|size| *size <= 256 * 1024), "{sizes:?}");
    world.end().await;
}

#[tokio::test]
async fn binary_output_is_kept_and_shown_harmlessly() {
    let world = World::new();
    let spec = world.script("printf '\\000\\377\\033[2Jevil\\n'; printf 'no line feed'; exit 1");
    world.target().start(&spec).await.unwrap();
    eventually("it has written", || (world.lines(10).len() >= 2).then_some(())).await;
    assert_eq!(world.lines(10)[..2], ["\\x00\\xff\\x1b[2Jevil", "no line feed"]);
    world.end().await;
}

/// The sandbox's first process is a copy of the shim: nothing that was the shim's may end up as the program's words.
#[tokio::test]
async fn nothing_is_in_a_log_but_what_the_program_wrote() {
    let mut world = World::new();
    let briefly = Duration::from_millis(1);
    world.options.back_off = BackOffLimits { first: briefly, longest: briefly, reset_after: Duration::from_secs(60) };
    world.restart_node();
    let mut spec = world.script("exit 3");
    spec.sandbox = Some(Sandbox::default());
    world.target().start(&spec).await.unwrap();
    eventually("it was started often", || (world.instance(&spec.id).restarts >= 100).then_some(())).await;
    assert_eq!(world.lines(10), [""; 0]);
    world.end().await;
}

#[tokio::test]
async fn lines_of_all_instances_come_as_they_are_written() {
    let world = World::new();
    let mut spec =
        world.script("echo before; while [ ! -e $TMPDIR/go ]; do sleep 0.01; done; echo after >&2; exec cat");
    spec.tuning.replicas = 2;
    world.up(&spec).await;
    eventually("both have begun", || (world.lines(9) == ["before", "before"]).then_some(())).await;
    let selection =
        LogSelection { app: name("app"), environment: name("test"), service: Some(name("script")), instance: None };
    let (lines, mut follower) = world.target().follow_logs(selection, 1).unwrap();
    assert_eq!(lines.len(), 1);
    for instance in world.instances(&spec.id) {
        std::fs::File::create(world.folder(&instance.id).join("tmp/go")).unwrap();
    }
    let mut after = Vec::new();
    while after.len() < 2 {
        after.extend(follower.next().await.unwrap());
    }
    assert!(after.iter().all(|line| line.text == "after" && line.stream == Stream::Stderr));
    let mut instances: Vec<&str> = after.iter().map(|line| line.instance.as_str()).collect();
    instances.sort_unstable();
    assert_eq!(instances, [spec.id.instance(0).0, spec.id.instance(1).0]);
    world.end().await;
}

#[tokio::test]
async fn a_program_goes_on_when_the_disk_is_full_and_the_gap_is_told() {
    let world = World::new();
    let spec =
        world.script("i=0; while :; do i=$((i+1)); echo line $i; [ $i != 5 ] || : > $TMPDIR/five; sleep 0.01; done");
    let log = world.options.home.join("logs/app/test/script").join(format!("{}.log", spec.id.instance(0)));
    seaworthy_host::files::create_directory(log.parent().unwrap(), 0o700).unwrap();
    std::os::unix::fs::symlink("/dev/full", &log).unwrap();
    world.up(&spec).await;
    let pid = world.instance(&spec.id).pid;
    let five = world.folder(&spec.id.instance(0)).join("tmp/five");
    eventually("it has written five lines in vain", || five.exists().then_some(())).await;
    std::fs::remove_file(&log).unwrap();
    let gap =
        eventually("the gap is told", || world.lines(100).into_iter().find(|line| line.starts_with("seaworthy: ")))
            .await;
    assert!(
        gap.ends_with("lines before this one could not be written: No space left on device (os error 28)"),
        "{gap}"
    );
    eventually("lines are written again", || world.lines(1).first()?.starts_with("line ").then_some(())).await;
    assert_eq!((world.instance(&spec.id).pid, world.instance(&spec.id).restarts), (pid, 0));
    world.end().await;
}
