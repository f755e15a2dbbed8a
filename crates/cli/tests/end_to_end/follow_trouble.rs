//! A build does its worst on the machine that serves.

use super::support::manifest::HOST;
use super::support::repository::{Repository, followed};
use super::support::world::{World, tell};
use super::support::{alone, http};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Asks again and again until told to stop; how long each answer took.
fn ask(port: u16, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<Vec<Duration>> {
    std::thread::spawn(move || {
        let mut took = Vec::new();
        while !stop.load(Ordering::Relaxed) {
            let started = Instant::now();
            let answer = http::get(port, HOST, "/version").expect("an answer");
            assert_eq!(answer.status, 200);
            took.push(started.elapsed());
            std::thread::sleep(Duration::from_millis(5));
        }
        took
    })
}

fn quantile(took: &mut [Duration], share: f64) -> Duration {
    took.sort();
    took[((took.len() - 1) as f64 * share) as usize]
}

fn latencies(world: &World, what: &str, work: impl FnOnce()) -> Duration {
    let stop = Arc::new(AtomicBool::new(false));
    let asking = ask(world.port, Arc::clone(&stop));
    work();
    stop.store(true, Ordering::Relaxed);
    let mut took = asking.join().expect("every request was answered");
    let (median, late) = (quantile(&mut took, 0.5), quantile(&mut took, 0.99));
    tell(&format!("{what}: {} requests, median {median:?}, 99% {late:?}", took.len()));
    late
}

#[test]
fn whoever_is_served_does_not_notice_what_builds_do() {
    let _alone = alone();
    let mut world = World::following();
    world.variables.push(("SEAWORTHY_BUILD_MEMORY", "1GiB".to_owned()));
    let repository = Repository::new(&world);
    let with = |version: &str, test: &str| {
        let manifest = followed(&repository.url(), version, &[]);
        manifest
            .lines()
            .map(|line| if line.starts_with("test = ") { test } else { line })
            .collect::<Vec<_>>()
            .join("\n")
    };
    // One that goes on when it is refused.
    world.write("bomb.py", "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n");
    world.write_manifest(&with("one", "test = \"true\""));
    repository.push(&world, "main");
    world.up();
    let quiet = latencies(&world, "nobody builds", || std::thread::sleep(Duration::from_secs(3)));
    let cases = [
        (
            "every core is busy",
            "test = \"for i in 1 2 3 4 5 6 7 8; do timeout 10 sh -c 'while :; do :; done' & done; wait; exit 1\"",
            "failed: ",
        ),
        (
            "a fork bomb",
            "test = \"python3 bomb.py\"",
            // Whichever is less where it runs: so many processes, or their memory.
            " more than ",
        ),
        (
            "memory is eaten",
            "test = \"python3 -c 'x = b\\\"x\\\" * (8 << 30)'\"",
            "needs more than the 1 GiB of memory that builds may have",
        ),
        ("a gigabyte is written", "test = \"yes | head -c 1000000000\"", "failed: "),
    ];
    for (what, test, reason) in cases {
        world.write_manifest(&with("one", test));
        let commit = repository.push(&world, "main");
        let late = latencies(&world, what, || {
            let run = world.ended_run(&commit);
            assert_eq!(run["outcome"], "failed", "{what}: {run:#}");
            let message = run["failure"]["message"].as_str().unwrap();
            assert!(message.starts_with("the test of `web` ") && message.contains(reason), "{what}: {run:#}");
        });
        // A machine that is shared may be slow by itself; what serves must not wait for a build to end.
        assert!(late < quiet + Duration::from_secs(2), "{what}: {late:?} instead of {quiet:?}");
    }
    assert_eq!(world.text("/version"), "one");
}
