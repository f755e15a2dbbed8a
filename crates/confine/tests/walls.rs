//! What a job can and cannot do, tried from inside.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use seaworthy_confine::{Bind, Disk, End, Finished, Job, Limits, Log, PrivateFile, Walls, run_by};
use seaworthy_diagnostics::Masked;
use seaworthy_host::{files, peer, process};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A user that nobody has.
const USER: u32 = 812_345_678;
const SYSTEM: [&str; 6] = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc"];

/// Looked for once: looks that overlap take each other's groups for their own.
fn walls() -> &'static Walls {
    static WALLS: std::sync::OnceLock<Walls> = std::sync::OnceLock::new();
    WALLS.get_or_init(Walls::find)
}

fn job(name: &str, script: &str) -> Job {
    assert!(walls().namespaces, "this test needs namespaces: run it as root, or where users have them");
    let bind = |path: &str| Bind { from: path.into(), at: path.into(), writable: false };
    Job {
        name: format!("test-{name}-{}", std::process::id()),
        user: peer::is_root().then_some(USER),
        walls: true,
        binds: SYSTEM.into_iter().filter(|path| Path::new(path).exists()).map(bind).collect(),
        files: Vec::new(),
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        environment: BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]),
        folder: "/".into(),
        input: None,
        processes: 100,
    }
}

fn limits() -> Limits {
    Limits {
        time: Duration::from_secs(60),
        memory_bytes: Some(256 << 20),
        output_bytes: 1 << 20,
        stdout_bytes: 1 << 20,
        disk: None,
    }
}

fn run(job: &Job, limits: &Limits) -> Finished {
    run_until(job, limits, std::future::pending())
}

fn run_until(job: &Job, limits: &Limits, cancelled: impl Future<Output = ()>) -> Finished {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let command = process::command(env!("CARGO_BIN_EXE_confined-for-tests"));
    runtime.block_on(run_by(command, walls(), job, limits, None, cancelled)).unwrap()
}

fn said(finished: &Finished) -> Vec<String> {
    String::from_utf8_lossy(&finished.stdout).lines().map(str::to_owned).collect()
}

/// Nothing of a job is left once it has ended.
fn assert_gone(word: &str) {
    let has_it = |entry: std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(word).then(|| entry.path())
    };
    let own = PathBuf::from(format!("/proc/{}", std::process::id()));
    let left: Vec<PathBuf> = std::fs::read_dir("/proc").unwrap().flatten().filter_map(has_it).collect();
    assert!(left.iter().all(|path| *path == own), "{left:?}");
}

#[test]
fn it_sees_what_it_is_given_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    files::set_mode(folder.path(), 0o777).unwrap();
    files::write_atomic(&folder.path().join("there"), b"outside\n", 0o644).unwrap();
    let mut job = job(
        "sees",
        "cat /given/there; echo x > /given/made && echo written; (echo x > /kept/made) 2>/dev/null || echo kept
         ls / | tr '\\n' ' '; echo; cat /secret; stat -c %a /secret; cat; id -u; ls /proc | grep -c '^[0-9]'
         (echo x > /etc/x || echo x > /x) 2>/dev/null || echo closed; echo $HOME; ls -A /root /home /run 2>&1 | wc -l",
    );
    job.binds.push(Bind { from: folder.path().into(), at: "/given".into(), writable: true });
    job.binds.push(Bind { from: folder.path().into(), at: "/kept".into(), writable: false });
    job.files.push(PrivateFile { at: "/secret".into(), text: Masked::new("hush\n".to_owned()), mode: 0o400 });
    job.input = Some("from outside\n".to_owned());
    job.environment.insert("HOME".to_owned(), "/given".to_owned());
    let finished = run(&job, &limits());
    assert_eq!(finished.end, End::Code(0), "{:?}", finished.last_lines);
    let uid = job.user.unwrap_or_else(peer::effective_uid).to_string();
    let lines = said(&finished);
    assert_eq!(lines[..3], ["outside", "written", "kept"]);
    for name in lines[3].split(' ').filter(|name| !name.is_empty()) {
        assert!(
            ["bin", "dev", "etc", "given", "kept", "lib", "lib64", "proc", "sbin", "secret", "usr"].contains(&name),
            "{name}"
        );
    }
    assert_eq!(lines[4..8], ["hush", "400", "from outside", uid.as_str()]);
    // The first process, the shell, and what is in the pipe.
    assert!(lines[8].parse::<u32>().unwrap() <= 5, "{lines:?}");
    assert_eq!(lines[9..11], ["closed", "/given"]);
    assert!(!folder.path().join("x").exists());
}

#[test]
fn its_exit_code_is_told_and_what_it_left_behind_is_gone() {
    let word = format!("6{}", std::process::id());
    let finished = run(&job("code", &format!("setsid sleep {word} & echo out; echo err >&2; exit 7")), &limits());
    assert_eq!((finished.end.clone(), said(&finished)), (End::Code(7), vec!["out".to_owned()]));
    assert_eq!(finished.last_lines, ["err"]);
    assert_gone(&word);
    let finished = run(&job("signal", "kill -9 $$"), &limits());
    assert_eq!(finished.end, End::Code(128 + 9));
}

#[test]
fn it_ends_in_time_and_when_nobody_wants_it() {
    let word = format!("7{}", std::process::id());
    let script = format!("trap '' TERM; (trap '' TERM; sleep {word}) & sleep {word}; sleep {word}");
    let finished = run(&job("time", &script), &Limits { time: Duration::from_millis(500), ..limits() });
    assert_eq!(finished.end, End::TooLong);
    assert_gone(&word);
    let finished = run_until(&job("cancel", &script), &limits(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
    });
    assert_eq!(finished.end, End::Cancelled);
    assert_gone(&word);
}

#[test]
fn it_writes_so_much_and_no_more() {
    let finished = run(&job("gigabyte", "yes | head -c 1000000000"), &limits());
    assert_eq!(finished.end, End::TooMuchOutput);
    let finished = run(&job("noise", "yes >&2"), &limits());
    assert_eq!(finished.end, End::TooMuchOutput);
    assert_eq!(finished.last_lines.last().map(String::as_str), Some("y"));
}

#[test]
fn a_fork_bomb_ends_with_its_job() {
    let started = Instant::now();
    assert!(walls().processes, "this test needs control groups");
    // One that goes on when it is refused: what gives up ends by itself.
    let bomb = "exec python3 -c '
import os
while True:
    try: os.fork()
    except OSError: pass  # bomb of a test'";
    let mut job = job("bomb", bomb);
    // The kernel counts by user: others must not find all of theirs taken.
    job.user = job.user.map(|user| user + 1);
    let finished = run(&job, &limits());
    assert_eq!(finished.end, End::TooManyProcesses(100), "{:?}", finished.last_lines);
    assert_gone("bomb of a test");
    assert!(started.elapsed() < Duration::from_secs(40), "{:?}", started.elapsed());
}

#[test]
fn memory_has_a_limit_that_is_named() {
    assert!(walls().memory, "this test needs control groups");
    let eater = "exec python3 -c 'b\"x\" * (4 << 30)'";
    let finished = run(&job("eater", eater), &Limits { memory_bytes: Some(64 << 20), ..limits() });
    assert_eq!(finished.end, End::OutOfMemory(64 << 20), "{:?}", finished.last_lines);
}

#[test]
fn a_folder_that_grows_too_large_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    files::set_mode(folder.path(), 0o777).unwrap();
    let mut job = job("grows", "head -c 50000000 /dev/zero > /given/big; sleep 50");
    job.binds.push(Bind { from: folder.path().into(), at: "/given".into(), writable: true });
    let disk = |free_bytes_min| Disk { folder: folder.path().into(), bytes_max: 10_000_000, free_bytes_min };
    let limits = |free_bytes_min| Limits { disk: Some(disk(free_bytes_min)), ..limits() };
    assert_eq!(run(&job, &limits(0)).end, End::TooLarge);
    // Whatever a disk has, it has less than that.
    job.arguments[1] = "touch /given/begun".to_owned();
    assert_eq!(run(&job, &limits(u64::MAX)).end, End::DiskFull);
    assert!(!folder.path().join("begun").exists());
    // It wants ten times what is left to it.
    let free = files::free_bytes(folder.path()).unwrap();
    job.arguments[1] = "rm -f /given/big; head -c 3000000000 /dev/zero > /given/big; sleep 50".to_owned();
    let left = Limits { disk: Some(Disk { bytes_max: u64::MAX, ..disk(free - 300_000_000) }), ..limits(0) };
    assert_eq!(run(&job, &left).end, End::DiskFilled);
    assert!(!folder.path().join("begun").exists());
    // A hole takes nothing.
    job.arguments[1] = "rm /given/big; truncate -s 50G /given/hole; sleep 6".to_owned();
    assert_eq!(run(&job, &limits(0)).end, End::Code(0));
}

#[test]
fn what_cannot_be_confined_says_so() {
    let mut job = job("nowhere", "true");
    job.binds.push(Bind { from: "/nowhere/at/all".into(), at: "/x".into(), writable: false });
    let finished = run(&job, &limits());
    assert_eq!(finished.end, End::NotConfined);
    assert!(finished.last_lines[0].contains("/nowhere/at/all"), "{:?}", finished.last_lines);
}

#[test]
fn a_log_holds_so_much_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let mut log = Log::open(&path).unwrap();
    log.note("begins");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let command = process::command(env!("CARGO_BIN_EXE_confined-for-tests"));
    let limits = Limits { output_bytes: 1 << 30, ..limits() };
    let job = job("log", "yes | head -c 9000000 >&2");
    let finished =
        runtime.block_on(run_by(command, walls(), &job, &limits, Some(&mut log), std::future::pending())).unwrap();
    assert_eq!(finished.end, End::Code(0));
    let text = files::read(&path).unwrap();
    assert!(text.len() < 5 << 20 && text.starts_with(b"--- begins\n"));
    assert!(String::from_utf8_lossy(&text).ends_with("--- the log is full: the rest is not kept\n"));
}
