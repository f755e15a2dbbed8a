//! Programs as teams really have them, run as they are: what they lack is for the node to bear and for `status` to say.

use crate::support::http::{Connection, Response};
use crate::support::world::World;
use crate::support::{alone, wait_for};
use seaworthy_host::process;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What each answers, and where; `calls-by-number` answers with what `fixed-port` does.
const PAGES: [(&str, &str, &str); 10] = [
    ("calls-by-number", "/", "apples"),
    ("closes-connections", "/", "per aspera ad acta\n"),
    ("ends-with-stdin", "/", "42\n"),
    ("fixed-port", "/", "apples"),
    ("forks-children", "/", "ticket by"),
    ("ignores-sigterm", "/", "apples"),
    ("logs-to-file", "/", ""),
    ("no-health-page", "/hours", ""),
    ("slow-start", "/", "apples"),
    ("unescaped", "/?name=you", "Hello you"),
];
/// Two instances of each, on fixed ports, too.
const INSTANCES: usize = 2;

#[test]
fn they_run_and_redeploy_without_a_change() {
    let _alone = alone();
    let world = World::new();
    copy(&world);
    world.up();
    for (service, path, expected) in PAGES {
        let answer = get(world.port, service, path).expect("an answer");
        assert!(answer.status == 200 && answer.text().contains(expected), "{service}: {}", answer.text());
    }
    let load = Visitors::start(world.port);
    load.wait_for_more(100);
    // Nothing of the programs changes, yet every instance has to: each gets one more setting.
    let manifest = std::fs::read_to_string(world.app.join("seaworthy.toml")).expect("the manifest");
    let again = manifest.lines().map(|line| match line.starts_with("run ") {
        true => format!("{line}\nenv.AGAIN = \"yes\"\n"),
        false => format!("{line}\n"),
    });
    let before = world.program_pids();
    world.deploy(&again.collect::<String>());
    assert_eq!(world.outcome(), "succeeded");
    load.wait_for_more(100);
    assert_eq!(load.finish(), BTreeMap::new(), "requests were lost");
    let after = world.program_pids();
    assert!(
        after.len() == PAGES.len() * INSTANCES && after.iter().all(|pid| !before.contains(pid)),
        "{before:?}, then {after:?}"
    );
    wait_for("the old programs' end", Duration::from_secs(15), || {
        before.iter().all(|pid| process::start_time(*pid).is_none()).then_some(())
    });
    says_what_they_lack(&world);
}

#[test]
fn they_run_in_prod_from_images() {
    let _alone = alone();
    let world = World::new();
    copy(&world);
    let manifest = std::fs::read_to_string(world.app.join("seaworthy.toml")).expect("the manifest");
    world.write_manifest(&manifest.replace("[environments.prod]", "[environments.prod]\nreplicas = 3"));
    world.run(&["up", "prod"]).expect(0);
    for (service, path, expected) in PAGES {
        let mut connection = Connection::open(world.port).expect("a connection");
        let answer = connection.get(&format!("{service}.localhost"), path).expect("an answer");
        assert!(answer.status == 200 && answer.text().contains(expected), "{service}: {}", answer.text());
    }
    let status = world.json(&["status", "prod"]);
    let services = status["environments"][0]["services"].as_array().expect("services");
    assert!(
        services.iter().all(|service| service["instances"].as_array().is_some_and(|all| all.len() == 3)),
        "{status}"
    );
    let images = world.json(&["image", "ls"]);
    assert_eq!(images.as_array().map(Vec::len), Some(PAGES.len()));
}

/// A line for each flaw that can be seen from outside.
fn says_what_they_lack(world: &World) {
    let notes = world.dev()["notes"].clone();
    let notes: Vec<&str> = notes.as_array().expect("notes").iter().filter_map(|note| note.as_str()).collect();
    let lacks = [
        ("no-health-page", "no health page"),
        ("closes-connections", "closes its connection after an answer"),
        ("ignores-sigterm", "does not end on SIGTERM: it is killed after its grace time, 2s"),
    ];
    for (service, lack) in lacks {
        let said = notes.iter().any(|note| note.contains(&format!("`{service}`")) && note.contains(lack));
        assert!(said, "nothing says of `{service}`: {lack}\n{notes:#?}");
    }
    let deaf: Vec<_> = notes.iter().filter(|note| note.contains("SIGTERM")).collect();
    assert_eq!(deaf.len(), 1, "the others end when they are asked to: {deaf:?}");
    let printed = world.run(&["status", "dev"]).expect(0).stdout;
    assert!(printed.contains("does not end on SIGTERM"), "{printed}");
}

/// The programs and their manifest, as they lie in the repository.
fn copy(world: &World) {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/as-found");
    let copied = process::command("/bin/cp").arg("-r").arg(source.join(".")).arg(&world.app).output().expect("cp");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

fn get(port: u16, service: &str, path: &str) -> io::Result<Response> {
    Connection::open(port)?.get(&format!("dev.{service}.localhost"), path)
}

/// One visitor per program, over a connection of its own each time.
struct Visitors {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    answered: BTreeMap<&'static str, u64>,
    /// The first thing that went wrong with each.
    lost: BTreeMap<&'static str, String>,
}

impl Visitors {
    fn start(port: u16) -> Self {
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Seen::default())));
        let threads = PAGES.into_iter().map(|(service, path, expected)| {
            let (stop, seen) = (Arc::clone(&stop), Arc::clone(&seen));
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    let answer = get(port, service, path);
                    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                    match answer {
                        Ok(answer) if answer.status == 200 && answer.text().contains(expected) => {
                            *seen.answered.entry(service).or_default() += 1;
                        }
                        other => drop(seen.lost.entry(service).or_insert_with(|| format!("{other:?}"))),
                    }
                    drop(seen);
                    std::thread::sleep(Duration::from_millis(10));
                }
            })
        });
        let threads = threads.collect();
        Self { stop, seen, threads }
    }

    /// Until every program has answered that many more requests.
    fn wait_for_more(&self, more: u64) {
        let now = || self.seen.lock().unwrap_or_else(PoisonError::into_inner).answered.clone();
        let before = now();
        wait_for("answers of every program", Duration::from_secs(60), || {
            let now = now();
            let enough = |(service, ..): &(&'static str, &str, &str)| {
                let count = |counts: &BTreeMap<&str, u64>| counts.get(service).copied().unwrap_or(0);
                count(&now) >= count(&before) + more
            };
            PAGES.iter().all(enough).then_some(())
        });
    }

    /// What was lost.
    fn finish(self) -> BTreeMap<&'static str, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().expect("a visitor"));
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner).lost)
    }
}
