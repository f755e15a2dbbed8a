//! A service that there can be only one of: requests are held while one takes the other's place.

use crate::support::http::{Connection, get};
use crate::support::load::{Kind, Load};
use crate::support::manifest::{HOST, Service, app};
use crate::support::world::{World, free_port};
use std::time::{Duration, Instant};

const CLIENTS: [(Kind, usize); 3] = [(Kind::Get, 4), (Kind::FreshGet, 2), (Kind::Post, 2)];

struct Single {
    world: World,
    port: u16,
}

impl Single {
    fn new() -> Self {
        let single = Self { world: World::new(), port: free_port() };
        single.world.deploy(&single.manifest(single.service("one")));
        single
    }

    /// One with a port of its own, whatever it is told.
    fn service(&self, version: &str) -> Service {
        let service = Service::web("web", version).line(&format!("port = {}", self.port));
        service.line("update = \"replace\"").env("FIXED_PORT", &self.port.to_string())
    }

    fn manifest(&self, service: Service) -> String {
        app(&[service], &["bake = \"0s\""])
    }
}

#[test]
fn requests_are_held_and_not_lost() {
    let single = Single::new();
    let load = Load::start(single.world.port, HOST, &CLIENTS);
    for version in ["two", "three", "four"] {
        let service = single.service(version).env("START_DELAY_MS", "200");
        single.world.deploy(&single.manifest(service));
        assert_eq!(single.world.text("/version"), version);
    }
    single.world.run(&["rollback", "dev"]).expect(0);
    load.finish().assert_nothing_failed();
    assert_eq!(single.world.assert_settled(), "three");
}

#[test]
fn what_was_sent_is_answered_before_one_that_ends_at_once_is_asked_to() {
    let single = Single::new();
    let rude = |version: &str| single.manifest(single.service(version).env("RUDE_TERM", "1"));
    single.world.deploy(&rude("two"));
    let load = Load::start(single.world.port, HOST, &[(Kind::SlowPost(600), 4)]);
    for version in ["three", "four"] {
        single.world.deploy(&rude(version));
    }
    load.finish().assert_nothing_failed();
    assert_eq!(single.world.assert_settled(), "four");
}

#[test]
fn an_answer_in_progress_is_finished_before_the_old_one_ends() {
    let single = Single::new();
    let port = single.world.port;
    let slow = std::thread::spawn(move || get(port, HOST, "/slow?ms=1500"));
    crate::support::wait_for("the request's arrival", Duration::from_secs(5), || {
        let dev = single.world.dev();
        dev["services"][0]["requests"].as_u64().filter(|count| *count > 0)
    });
    single.world.deploy(&single.manifest(single.service("two")));
    let answer = slow.join().expect("a thread").expect("an answer");
    assert_eq!((answer.status, answer.text().as_str()), (200, "one"));
    assert_eq!(single.world.assert_settled(), "two");
}

#[test]
fn when_the_new_one_fails_the_old_one_is_started_again() {
    let single = Single::new();
    let load = Load::start(single.world.port, HOST, &CLIENTS);
    let sick = single.service("sick").env("HEALTH_STATUS", "503").line("start_timeout = \"700ms\"");
    single.world.write_manifest(&single.manifest(sick));
    single.world.run(&["up"]).expect(1).says("503");
    load.finish().assert_nothing_failed();
    assert_eq!(single.world.outcome(), "failed");
    assert_eq!(single.world.assert_settled(), "one");
}

#[test]
fn past_the_hold_users_are_told_to_come_again_and_the_old_one_is_started_again() {
    let single = Single::new();
    let late = single.service("late").env("START_DELAY_MS", "30000").line("start_timeout = \"40s\"");
    single.world.write_manifest(&single.manifest(late.line("hold = \"800ms\"")));
    let plan = single.world.run(&["plan"]).expect(2);
    assert!((plan.stdout + &plan.stderr).contains("503"), "the plan does not say that this can happen");
    let began = Instant::now();
    let mut deployment = single.world.begin(&[]);
    assert!(deployment.until_step("start"), "{:?}", deployment.steps());
    let mut told_to_wait = 0;
    while began.elapsed() < Duration::from_secs(3) {
        let answer = Connection::open(single.world.port).and_then(|mut c| c.get(HOST, "/version")).expect("an answer");
        if answer.status == 503 {
            let after: u64 = answer.header("retry-after").and_then(|v| v.parse().ok()).expect("Retry-After");
            assert!(after >= 1);
            told_to_wait += 1;
        } else {
            assert_eq!((answer.status, answer.text().as_str()), (200, "one"));
        }
    }
    let (code, said) = deployment.finish();
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("hold"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(20), "it waited for the new one's own time");
    assert_eq!(single.world.assert_settled(), "one");
    // The hold may be over before or after the old one is back; both are right, silence is not.
    crate::support::world::tell(&format!("{told_to_wait} requests were told to come again"));
}

#[test]
fn another_environment_cannot_have_the_port_and_is_told_whose_it_is() {
    let single = Single::new();
    // With networks of their own there is nothing to clash.
    let none = "isolation = \"none\"";
    single.world.deploy(&(app(&[single.service("one")], &["bake = \"0s\"", none]) + none));
    let ran = single.world.run(&["plan", "prod"]).expect(1);
    let ran = ran.says(&format!("port {}", single.port)).says("`web` of `subject` in `dev`").says("help:");
    assert_eq!(single.world.run(&["up", "prod"]).stderr.matches(&single.port.to_string()).count(), 1, "{}", ran.stderr);
    assert_eq!(single.world.assert_settled(), "one");
    single.world.run(&["down", "dev"]).expect(0);
    single.world.run(&["up", "prod"]).expect(0);
    single.world.run(&["down", "prod"]).expect(0);
}
