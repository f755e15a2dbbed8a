//! A build fills the disk that production is on.

use super::support::load::{Kind, Load};
use super::support::repository::{PUSHED, Repository, followed};
use super::support::world::{World, tell};
use super::support::{alone, http, wait_for};
use seaworthy_host::files;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const MIB: u64 = 1 << 20;
/// A third more than what has to stay free.
const DISK_MIB: u32 = 1400;
/// Production's host.
const PROD: &str = "web.localhost";

/// Looks at what a disk has left until told to stop; the least that it had.
fn watch(home: PathBuf, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<u64> {
    std::thread::spawn(move || {
        let mut least = u64::MAX;
        while !stop.load(Ordering::Relaxed) {
            least = least.min(files::free_bytes(&home).expect("a disk"));
            std::thread::sleep(Duration::from_millis(2));
        }
        least
    })
}

#[test]
fn a_step_that_fills_the_disk_is_ended_and_named_and_production_goes_on() {
    let _alone = alone();
    let world = World::following();
    world.small_disk(DISK_MIB);
    let repository = Repository::new(&world);
    let with = |version: &str, lines: &str| {
        let manifest = followed(&repository.url(), version, &[])
            .replace("[environments.prod]\n", "[environments.prod]\nshift = [\"100%\"]\nbake = \"0s\"\n");
        let steps = |line: &str| if line.starts_with("test = ") { lines.to_owned() } else { line.to_owned() };
        manifest.lines().map(steps).collect::<Vec<_>>().join("\n") + "\n"
    };
    world.write_manifest(&with("one", "test = \"true\""));
    repository.push(&world, "main");
    world.up();
    world.run(&["deploy", "prod"]).expect(0);
    let serves = || http::get(world.port, PROD, "/version").expect("an answer").text();
    let before = files::free_bytes(&world.home).expect("a disk");

    let stop = Arc::new(AtomicBool::new(false));
    let watching = watch(world.home.clone(), Arc::clone(&stop));
    let load = Load::start(world.port, PROD, &[(Kind::Get, 2), (Kind::FreshGet, 2)]);
    let fill = |file: &str| format!("head -c 3000000000 /dev/zero > {file}; sleep 600");
    let cases = [
        ("test", "its checkout", fill("fill")),
        ("build", "/tmp", fill("/tmp/fill")),
        ("test", "what the check leaves", fill("/seaworthy-build/out/fill")),
        // Without a name there is nothing that could be removed, or measured as a file.
        ("build", "a file that was removed", "exec 3> /tmp/fill; rm /tmp/fill; cat /dev/zero >&3".to_owned()),
    ];
    for (step, place, script) in cases {
        world.write_manifest(&with("bad", &format!("{step} = \"{script}\"")));
        let run = world.ended_run(&repository.push(&world, "main"));
        assert_eq!((&run["outcome"], &run["attempts"]), (&"failed".into(), &1.into()), "{place}: {run:#}");
        let message = run["failure"]["message"].as_str().expect("a message");
        assert!(message.starts_with(&format!("the {step} of `web` needs more than the ")), "{place}: {run:#}");
        assert!(message.ends_with(" MiB of disk that builds may have"), "{place}: {run:#}");
        let help = run["failure"]["help"].as_str().expect("help");
        assert!(help.starts_with("the last 1 GiB stay free for what serves"), "{place}: {run:#}");
        let status = world.run(&["status", "dev"]).expect(0).stdout;
        assert!(status.contains(&format!("refused: {message}")), "{place}: {status}");
        let after = files::free_bytes(&world.home).expect("a disk");
        assert!(after > before - 100 * MIB, "{place}: {} MiB of {} are free", after / MIB, before / MIB);
    }
    stop.store(true, Ordering::Relaxed);
    let least = watching.join().expect("a number");
    tell(&format!("of {DISK_MIB} MiB at least {} were free", least / MIB));
    assert!(least > 256 * MIB, "only {} MiB were left", least / MIB);
    assert_eq!(serves(), "one");

    // Both ways to what comes next are open: the node's own, and a person's.
    world.write_manifest(&with("two", "test = \"true\""));
    let commit = repository.push(&world, "main");
    assert_eq!(world.ended_run(&commit)["outcome"], "deployed");
    assert_eq!(world.text("/version"), "two");
    world.run(&["deploy", "prod"]).expect(0);
    wait_for("production", PUSHED, || (serves() == "two").then_some(()));
    load.finish().assert_nothing_failed();
}
