//! One request to five services: whatever happens to two of them, users get the answer of the other three.

use crate::support::manifest::{Service, app};
use crate::support::wait_for;
use crate::support::world::World;
use seaworthy_host::process::{Signal, signal};
use std::time::Duration;

const SERVICES: [&str; 5] = ["one", "two", "three", "four", "five"];

fn world(liar: Option<&str>) -> World {
    let version = |name: &str| if Some(name) == liar { "a lie" } else { "the truth" };
    let services: Vec<Service> = SERVICES.iter().map(|name| Service::web(name, version(name))).collect();
    let fanout =
        "fanout = [\"one\", \"two\", \"three\", \"four\", \"five\"]\nanswer = \"quorum\"\ndeadline = \"700ms\"";
    let world = World::with(&app(&services, &[]).replace("service = \"one\"", fanout));
    world.up();
    world
}

fn pid(world: &World, service: &str) -> u32 {
    let dev = world.dev();
    let found = dev["services"].as_array().into_iter().flatten().find(|known| known["service"] == service);
    let pid = found.and_then(|service| service["instances"][0]["pid"].as_u64()).expect("a process");
    u32::try_from(pid).expect("a process id")
}

/// Stops it where it stands: it accepts connections and never answers.
fn hang(world: &World, service: &str) {
    assert!(signal(pid(world, service), Signal::SIGSTOP).expect("it may be signalled"));
}

#[test]
fn a_liar_and_a_hung_service_change_nothing() {
    let world = world(Some("two"));
    hang(&world, "five");
    for _ in 0..10 {
        let answer = world.get("/version").expect("an answer");
        assert_eq!((answer.status, answer.text().as_str()), (200, "the truth"));
    }
}

#[test]
fn without_a_majority_it_says_who_answered_what() {
    let world = world(None);
    hang(&world, "one");
    hang(&world, "two");
    assert_eq!(world.text("/version"), "the truth");
    hang(&world, "three");
    let answer = world.get("/version").expect("an answer");
    let text = answer.text();
    assert_eq!(answer.status, 502, "{text}");
    for service in SERVICES {
        assert!(text.contains(&format!("\"{service}\"")), "{service} is not in {text}");
    }
    // One comes back: three of five agree again.
    assert!(signal(pid(&world, "three"), Signal::SIGCONT).expect("it may be signalled"));
    wait_for("the majority's return", Duration::from_secs(10), || {
        world.get("/version").ok().filter(|answer| answer.status == 200)
    });
}

#[test]
fn two_that_are_killed_again_and_again_are_not_missed() {
    let world = world(None);
    for _ in 0..5 {
        for service in ["four", "five"] {
            crate::support::processes::kill_if_there(pid(&world, service));
        }
        for _ in 0..5 {
            assert_eq!(world.text("/version"), "the truth");
        }
        wait_for("their return", Duration::from_secs(20), || {
            let dev = world.dev();
            let all = dev["services"].as_array()?.iter().all(|s| s["instances"][0]["pid"].is_u64());
            all.then_some(())
        });
    }
}
