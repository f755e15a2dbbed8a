//! What a program finds inside a sandbox.

use crate::world::{World, eventually, name, set};
use seaworthy_deploy::Target as _;
use seaworthy_engine::{Exec, ExecRefusal, ExecStreams, RunOutput, Terminal};
use seaworthy_host::files;
use seaworthy_host::process::{self, Signal};
use seaworthy_model::pool::{PoolId, PoolSpec, Sandbox};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Runs a script in a sandbox; its lines once it has written `end`.
async fn lines_of(world: &World, script: &str, change: impl FnOnce(&mut PoolSpec)) -> Vec<String> {
    let mut spec = world.script(&format!("{script}\necho end; exec cat"));
    spec.sandbox = Some(Sandbox::default());
    change(&mut spec);
    world.up(&spec).await;
    let lines = eventually("it has written", || {
        let lines = world.lines(100);
        lines.last().is_some_and(|line| line == "end").then_some(lines)
    })
    .await;
    lines[..lines.len() - 1].to_vec()
}

#[tokio::test]
async fn a_program_finds_its_image_and_itself_alone() {
    let world = World::new();
    let script = "id -un; hostname; pwd; echo $$ $HOME $TMPDIR $HOST $DATA; ls /; cat /etc/hosts";
    let lines = lines_of(&world, script, |spec| {
        spec.volumes.insert(name("data"), "/data".to_owned());
        set(spec, "DATA", "${volumes.data}/x");
    })
    .await;
    let expected = [
        "app",
        "script",
        "/app",
        "2 /home/app /tmp 127.0.0.1 /data/x",
        "app",
        "bin",
        "data",
        "dev",
        "etc",
        "home",
        "lib",
        "lib64",
        "proc",
        "tmp",
        "usr",
        "127.0.0.1 localhost script",
        "::1 localhost ip6-localhost ip6-loopback",
    ];
    assert_eq!(lines, expected);
    world.end().await;
}

/// What a command says on its streams, and how it ended.
async fn said(world: &World, spec: &PoolSpec, command: &[&str], input: &[u8]) -> (String, String, String) {
    let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    let Exec { streams, mut end } = world.target().exec(spec, &spec.id.instance(0), &command, None).await.unwrap();
    let ExecStreams::Pipes { input: mut stdin, mut output, mut error } = streams else { panic!() };
    stdin.write_all(input).await.unwrap();
    drop(stdin);
    let (mut out, mut err) = (String::new(), String::new());
    output.read_to_string(&mut out).await.unwrap();
    error.read_to_string(&mut err).await.unwrap();
    (out, err, end.wait().await.unwrap().to_string())
}

#[tokio::test]
async fn another_program_enters_behind_the_same_walls() {
    let world = World::new();
    let mut spec = world.script("echo here > /tmp/file; exec cat");
    spec.sandbox = Some(Sandbox::default());
    set(&mut spec, "GREETING", "hello");
    world.up(&spec).await;
    eventually("it has written", || (world.instance(&spec.id).pid.is_some()).then_some(())).await;
    let script = "cat; while read line; do case $line in CapBnd*|Seccomp:*|NoNew*) echo $line;; esac; done \
                  < /proc/self/status; until cat /tmp/file; do sleep 0.01; done; id -un; hostname; pwd; \
                  echo $GREETING; echo err >&2; exit 3";
    let (out, err, how) = said(&world, &spec, &["sh", "-c", script], b"input\n").await;
    let expected = "input\nCapBnd: 0000000000000000\nNoNewPrivs: 1\nSeccomp: 2\nhere\napp\nscript\n/app\nhello\n";
    assert!(out.ends_with(expected), "{out}");
    assert_eq!((err.lines().last(), how.as_str()), (Some("err"), "exit code 3"));
    let missing = ["no-such-program".to_owned()];
    let refusal = world.target().exec(&spec, &spec.id.instance(0), &missing, None).await.unwrap_err();
    assert!(matches!(refusal, ExecRefusal::Missing), "{refusal:?}");
    world.end().await;
}

#[tokio::test]
async fn whoever_enters_with_a_terminal_has_one() {
    let world = World::new();
    let mut spec = world.script("exec cat");
    spec.sandbox = Some(Sandbox::default());
    world.up(&spec).await;
    let terminal = Terminal { kind: "xterm".to_owned(), rows: 30, columns: 100 };
    let script = "import os, signal; signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH]); \
                  print(os.get_terminal_size(), os.environ['TERM'], open('/dev/tty').isatty()); \
                  signal.sigwait([signal.SIGWINCH]); print(os.get_terminal_size().lines, input())";
    let command = ["python3", "-c", script].map(str::to_owned);
    eventually("it runs", || world.instance(&spec.id).pid).await;
    let exec = world.target().exec(&spec, &spec.id.instance(0), &command, Some(terminal)).await.unwrap();
    let Exec { streams: ExecStreams::Terminal(side), mut end } = exec else { panic!() };
    let (mut said, mut buffer) = (Vec::new(), [0; 1024]);
    while !said.ends_with(b"True\r\n") {
        let count = side.read(&mut buffer).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&said));
        said.extend_from_slice(&buffer[..count]);
    }
    side.resize(31, 101).unwrap();
    side.write_all(b"typed\r").await.unwrap();
    while let count @ 1.. = side.read(&mut buffer).await.unwrap() {
        said.extend_from_slice(&buffer[..count]);
    }
    let said = String::from_utf8(said).unwrap();
    let expected = "os.terminal_size(columns=100, lines=30) xterm True\r\ntyped\r\n31 typed\r\n";
    assert_eq!(said, expected);
    assert_eq!(end.wait().await.unwrap().to_string(), "exit code 0");
    world.end().await;
}

#[tokio::test]
async fn a_program_that_was_entered_ends_when_nobody_listens() {
    let world = World::new();
    let mut spec = world.script("exec cat");
    spec.sandbox = Some(Sandbox::default());
    world.up(&spec).await;
    eventually("it runs", || world.instance(&spec.id).pid).await;
    // With what it started.
    // A time that nobody else on this machine waits for.
    let time = format!("31337.{}", std::process::id());
    let command = ["sh".to_owned(), "-c".to_owned(), format!("sleep {time} | cat")];
    let exec = world.target().exec(&spec, &spec.id.instance(0), &command, None).await.unwrap();
    let runs = || {
        let all = seaworthy_host::linux::procfs::all().into_iter();
        all.map(|stat| std::fs::read(format!("/proc/{}/cmdline", stat.pid)).unwrap_or_default())
            .any(|line| line == format!("sleep\0{time}\0").as_bytes())
    };
    eventually("it was started", || runs().then_some(())).await;
    drop(exec);
    eventually("it has ended", || (!runs()).then_some(())).await;
    world.end().await;
}

#[tokio::test]
async fn paths_that_may_be_written_are_private_and_outlive_a_restart() {
    let world = World::new();
    let script = "cat logs/old; cat logs/new; echo new > logs/new; echo no > /app/other || echo read-only; \
                  echo y > cache/y && echo made; touched";
    let mut spec = world.script(script);
    let run = format!("#!/bin/sh\n{script}\n");
    spec.image = world.image(&[("run.sh", &run), ("logs/old", "old\n")]);
    spec.sandbox = Some(Sandbox { writable: vec!["logs".to_owned(), "cache".to_owned()], ..Sandbox::default() });
    spec.tuning.replicas = 1;
    world.target().start(&spec).await.unwrap();
    let twice = eventually("it ran twice", || {
        let lines = world.lines(100);
        (lines.iter().filter(|line| *line == "made").count() >= 2).then_some(lines)
    })
    .await;
    assert!(twice.iter().filter(|line| *line == "new").count() >= 1, "{twice:?}");
    assert!(twice.iter().filter(|line| *line == "old").count() >= 2, "{twice:?}");
    assert!(twice.iter().filter(|line| *line == "read-only").count() >= 2, "{twice:?}");
    world.end().await;
}

#[tokio::test]
async fn what_the_image_lacks_is_refused_before_anything_runs() {
    let world = World::new();
    for (run, content, message, help) in [
        (
            "./run",
            "#!/usr/bin/ruby\n",
            "needs the interpreter `/usr/bin/ruby`, which is not in the image",
            "base = [\"ruby\"]",
        ),
        ("node", "", "there is no program `node` in the image", "base = [\"nodejs\"]"),
        ("./gone", "", "`./gone` cannot be started", "the image holds `run`"),
    ] {
        let mut spec = world.spec("refused", &[run], &[("run", content)]);
        spec.sandbox = Some(Sandbox::default());
        let error = world.target().start(&spec).await.unwrap_err();
        assert!(error.message.contains(message), "{error}");
        assert!(error.help.as_ref().unwrap().contains(help), "{error:?}");
        world.target().stop(&spec.id).await.unwrap();
    }
    world.end().await;
}

#[tokio::test]
async fn a_killed_shim_takes_everything_with_it() {
    let world = World::new();
    let mut spec = world.script("sleep 4242 & sleep 4242 & echo up; exec cat");
    spec.sandbox = Some(Sandbox::default());
    world.up(&spec).await;
    eventually("it has written", || world.lines(1).pop()).await;
    let shim = world.shims().remove(0);
    let program = shim.program.unwrap();
    process::signal_exactly(shim.shim_pid, shim.shim_start_time, Signal::SIGKILL).unwrap();
    eventually("it has ended", || (!process::is_alive(program.pid, program.start_time)).then_some(())).await;
    eventually("it was started anew", || world.instance(&spec.id).pid.filter(|pid| *pid != program.pid)).await;
    world.end().await;
}

#[tokio::test]
async fn this_machine_gives_a_sandbox() {
    let world = World::new();
    let found = world.target().capabilities();
    assert!(found.sandbox().is_ok(), "{found:?}");
    assert_eq!(found.own_users, seaworthy_host::peer::is_root());
    world.end().await;
}

#[tokio::test]
async fn a_program_without_its_libraries_is_refused_with_their_names() {
    let mut world = World::new();
    world.options.base_layers = Vec::new();
    world.restart_node();
    let layer = world.options.home.parent().unwrap().join("layer");
    files::create_directory(&layer.join("bin"), 0o755).unwrap();
    std::fs::copy("/bin/cat", layer.join("bin/cat")).unwrap();
    let mut spec = world.spec("refused", &["cat"], &[("data", "")]);
    spec.sandbox = Some(Sandbox::default());
    world.options.base_layers = vec![layer.clone()];
    world.restart_node();
    let error = world.target().start(&spec).await.unwrap_err();
    assert!(error.message.contains("needs the loader `/lib"), "{error}");
    assert!(error.help.as_ref().unwrap().contains("base = [\"libc6\"]"), "{error:?}");
    let (loader, base) = (std::path::Path::new("lib64/ld-linux-x86-64.so.2"), crate::base::folder());
    if base.join(loader).exists() {
        files::create_directory(layer.join(loader).parent().unwrap(), 0o755).unwrap();
        std::fs::copy(base.join(loader), layer.join(loader)).unwrap();
        // Another one: a process that some other test is just starting may hold the first one's lock a moment longer.
        spec.id = PoolId("app-test-refused-again".to_owned());
        let error = world.target().start(&spec).await.unwrap_err();
        assert!(error.message.ends_with("/cat` needs `libc.so.6`, not in the image"), "{error}");
    }
    world.end().await;
}

#[tokio::test]
async fn commands_run_in_the_sandbox_too() {
    let world = World::new();
    let mut spec = world.script("exec cat");
    spec.sandbox = Some(Sandbox::default());
    spec.volumes.insert(name("data"), "/data".to_owned());
    set(&mut spec, "DATA", "${volumes.data}");
    spec.before = vec![["sh", "-c", "echo $DATA $$ > $DATA/log; test ! -e /etc/shadow"].map(str::to_owned).to_vec()];
    world.target().before(1, &spec).await.unwrap();
    let log = world.options.home.join("volumes/app/test/script/data/log");
    assert_eq!(std::fs::read_to_string(log).unwrap(), "/data 2\n");
    let command = ["sh", "-c", "cat /data/log; exit 4"].map(str::to_owned);
    let mut run = world.target().run_once(&spec, &command).await.unwrap();
    let Some(RunOutput::Line(line)) = run.next().await else { panic!() };
    assert_eq!(line.text, "/data 2");
    let Some(RunOutput::Exit(exit)) = run.next().await else { panic!() };
    assert_eq!(exit.how.to_string(), "exit code 4");
    world.end().await;
}
