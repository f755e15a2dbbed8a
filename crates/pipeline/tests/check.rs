//! Verdicts on commits of small apps, with real programs.

mod common;

use common::{World, steps};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::verdict::TestCase;
use seaworthy_pipeline::{Functional, FunctionalFailure, SourceOf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// An app of these services, each a folder with a file `x`, committed.
fn committed(services: &[(&str, &str)]) -> World {
    let mut manifest = "app = \"a\"\n".to_owned();
    let world = World::new();
    for (name, text) in services {
        manifest.push_str(&format!("[services.{name}]\nrun = [\"x\"]\nfiles = [\"x\"]\n{text}\n"));
        world.write(&format!("{name}/x"), name);
    }
    world.write("seaworthy.toml", &manifest);
    world.commit_all();
    world
}

fn one(text: &str) -> World {
    committed(&[("a", text)])
}

/// Functional checks that say what they are told to say, and count.
struct Says {
    errors: Vec<Diagnostic>,
    stands_for: &'static str,
    ran: Mutex<Vec<String>>,
}

impl Says {
    fn nothing_wrong() -> Self {
        Self { errors: Vec::new(), stands_for: "1", ran: Mutex::default() }
    }

    fn runs(&self) -> usize {
        self.ran.lock().expect("no panic").len()
    }
}

impl Functional for Says {
    fn stands_for(&self, _bundle: &ReleaseBundle) -> Result<String, Vec<Diagnostic>> {
        Ok(self.stands_for.to_owned())
    }

    fn run(
        &self,
        bundle: &ReleaseBundle,
        _time_max: Duration,
        _stop: &(dyn Fn() -> bool + Sync),
    ) -> Result<Vec<TestCase>, FunctionalFailure> {
        self.ran.lock().expect("no panic").push(bundle.release.digest().to_string());
        let cases = vec![TestCase { name: "front.hurl".to_owned(), ..TestCase::default() }];
        if self.errors.is_empty() {
            return Ok(cases);
        }
        Err(FunctionalFailure::Failed { errors: self.errors.clone(), cases })
    }
}

#[test]
fn what_did_not_change_is_not_run_again() {
    let world = committed(&[("a", "build = \"echo built\"\ntest = \"echo tested\""), ("b", "test = \"true\"")]);
    let first = world.checked();
    assert_eq!(
        steps(&first),
        ["validate passed 1/1", "test a passed 1/1", "build a passed 1/1", "test b passed 1/1", "build b passed 1/1"]
    );
    let again = world.checked();
    assert_eq!(
        steps(&again),
        [
            "validate passed 1/1",
            "test a passed cached 1/1",
            "build a passed cached 1/1",
            "test b passed cached 1/1",
            "build b passed cached 1/1"
        ]
    );
    assert!(world.lines().is_empty(), "nothing was run");
    let digest = |checked: &seaworthy_pipeline::Checked| checked.bundle.as_ref().expect("built").release.digest();
    assert_eq!(digest(&first), digest(&again));
    world.write("b/x", "changed");
    world.commit_all();
    let changed = steps(&world.checked());
    assert!(changed.contains(&"test a passed cached 1/1".to_owned()), "{changed:?}");
    assert!(changed.contains(&"test b passed 1/1".to_owned()), "{changed:?}");
}

#[test]
fn every_verdict_comes_at_once_and_what_needs_what_failed_is_not_run() {
    let world = committed(&[
        ("bad", "build = \"echo why; exit 3\"\ntest = \"true\""),
        ("good", "test = \"true\""),
        ("worse", "test = \"exit 4\""),
    ]);
    world.write("front.hurl", "GET x\n");
    let manifest = world.path("seaworthy.toml");
    let text = String::from_utf8(seaworthy_host::files::read(&manifest).expect("there")).expect("UTF-8");
    world.write(
        "seaworthy.toml",
        &format!("{text}[routes.r]\nhost = \"a.localhost\"\nservice = \"good\"\nchecks = [\"front.hurl\"]\n"),
    );
    world.commit_all();
    let says = Says::nothing_wrong();
    let checked = world.checked_with(&SourceOf::head(), &says).expect("a verdict");
    assert_eq!(
        steps(&checked),
        [
            "validate passed 1/1",
            "test bad not-run 0/1: `build bad` did not pass",
            "build bad failed 1/1: the build of `bad` failed: exit code 3",
            "test good passed 1/1",
            "build good passed 1/1",
            "test worse failed 1/1: the test of `worse` failed: exit code 4",
            "build worse passed 1/1",
            "functional not-run 0/1: `build bad` did not pass",
        ]
    );
    assert!(checked.bundle.is_none());
    assert_eq!(says.runs(), 0);
    let bad = &checked.steps[2].report;
    assert_eq!(bad.last_lines, ["why"]);
    assert_eq!(bad.by_hand().as_deref(), Some("cd bad && echo why; exit 3"));
}

#[test]
fn functional_checks_run_against_what_was_built_and_again_when_something_changed() {
    let manifest = "app = \"a\"\n[services.a]\nrun = [\"x\"]\nfiles = [\"x\"]\nchecks = [\"front.hurl\"]\n";
    let world = World::with(&[("seaworthy.toml", manifest), ("a/x", "1"), ("a/front.hurl", "GET x\n")]);
    world.commit_all();
    let mut says = Says::nothing_wrong();
    let last = |says: &Says| {
        let checked = world.checked_with(&SourceOf::head(), says).expect("a verdict");
        let cases = checked.steps.last().expect("steps").report.cases.len();
        (steps(&checked).pop().expect("steps"), cases)
    };
    assert_eq!(last(&says), ("functional passed 1/1".to_owned(), 1));
    assert_eq!(last(&says), ("functional passed cached 1/1".to_owned(), 1));
    assert_eq!(says.runs(), 1);
    world.write("a/x", "2");
    world.commit_all();
    assert_eq!(last(&says).0, "functional passed 1/1");
    says.stands_for = "2";
    assert_eq!(last(&says).0, "functional passed 1/1");
    world.write("a/x", "3");
    world.commit_all();
    says.errors = vec![Diagnostic::service("`front.hurl` is not content")];
    for _ in 0..2 {
        assert_eq!(last(&says).0, "functional failed 1/1: `front.hurl` is not content");
    }
    assert_eq!(says.runs(), 5, "what failed is tried again");
}

#[test]
fn a_flaky_test_is_tried_as_often_as_declared_and_counted() {
    // The folder of a checkout stays between attempts.
    let flaky = "test = \"echo x >> tries; test $(wc -l < tries) -ge 3\"";
    let world = one(&format!("{flaky}\nretry = 2"));
    assert_eq!(steps(&world.checked())[1], "test a passed 3/3");
    assert_eq!(steps(&world.checked())[1], "test a passed cached 3/3", "and it stays known as flaky");
    let world = one(&format!("{flaky}\nretry = 1"));
    assert_eq!(steps(&world.checked())[1], "test a failed 2/2: the test of `a` failed: exit code 1");
    let world = one(flaky);
    assert_eq!(steps(&world.checked())[1], "test a failed 1/1: the test of `a` failed: exit code 1");
}

#[test]
fn what_takes_too_much_is_stopped_and_named() {
    let mut world = one("test = \"while :; do :; done\"");
    world.limits.time_max = Duration::from_millis(300);
    assert_eq!(steps(&world.checked())[1], "test a failed 1/1: the test of `a` took longer than 300ms");
    let flood = one("test = \"yes flood | head -c 1000000000\"");
    let started = Instant::now();
    let checked = flood.checked();
    assert_eq!(steps(&checked)[1], "test a failed 1/1: the test of `a` printed more than 64MiB and was stopped");
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    assert!(flood.lines().len() <= 10_000, "what is told has an end, too");
}

#[test]
fn what_eats_memory_or_forks_without_end_is_stopped_and_named() {
    let hierarchies = seaworthy_host::linux::cgroups::Hierarchies::find();
    let all = seaworthy_host::linux::cgroups::Controller::ALL.iter().all(|one| hierarchies.has(*one));
    assert!(all, "this test limits memory and processes: run it as root, where cgroups can be written");
    let mut world = one("test = \"x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done\"");
    world.limits.memory_bytes_max = 32 << 20;
    assert_eq!(
        steps(&world.checked())[1],
        "test a failed 1/1: the test of `a` wanted more than 32MiB of memory and was stopped"
    );
    let mut world = one("test = \"b() { setsid sleep 300 & b & b; }; b\"");
    world.limits.processes_max = 60;
    assert_eq!(
        steps(&world.checked())[1],
        "test a failed 1/1: the test of `a` wanted more than 60 processes and was stopped"
    );
}

#[test]
fn a_commit_that_is_not_there_is_no_verdict() {
    let world = one("");
    let refused = |name: &str| {
        let Err(errors) = world.checked_with(&SourceOf::Commit(name.to_owned()), &common::NoChecks) else {
            panic!("there is a verdict")
        };
        world.rendered(&errors)
    };
    assert!(refused("nowhere").contains("there is no commit `nowhere` here"));
    assert!(refused("--help").contains("there is no commit `--help` here"));
    let first = world.git(&["rev-parse", "HEAD"]);
    world.write("seaworthy.toml", "app = ");
    world.commit_all();
    let broken = world.checked();
    assert_eq!(steps(&broken).len(), 1, "{:?}", steps(&broken));
    assert!(steps(&broken)[0].starts_with("validate failed 1/1"));
    let checked = world.checked_with(&SourceOf::Commit(first.clone()), &common::NoChecks).expect("a verdict");
    assert_eq!(checked.provenance.commit, Some(first));
    assert!(checked.bundle.is_some());
}
