//! What somebody stopped on purpose stays so until somebody wants it again; what died comes back.

use crate::printed_live::Live;
use crate::support::manifest::{Service, app, small};
use crate::support::processes::{self, Role};
use crate::support::remote::Machine;
use crate::support::wait_for;
use crate::support::world::World;
use seaworthy_host::process::{Signal, signal};
use std::time::Duration;

/// Verbs that only read, and how each ends where the node is stopped.
const READING: [(&[&str], i32); 12] = [
    (&["status"], 0),
    (&["status", "dev"], 0),
    (&["status", "dev", "--follow"], 2),
    (&["logs"], 2),
    (&["history"], 2),
    (&["jobs"], 2),
    (&["diff", "dev", "prod"], 2),
    (&["open"], 2),
    (&["exec", "dev", "web", "--", "./subject"], 2),
    (&["runs"], 2),
    (&["node", "status"], 1),
    // 2 would mean that there is something to do.
    (&["plan"], 1),
];

#[test]
fn what_only_reads_does_not_start_what_somebody_stopped() {
    let world = World::with(&small("one"));
    world.up();
    for all in [false, true] {
        world.run(if all { &["node", "stop", "--all"] } else { &["node", "stop"] }).expect(0);
        wait_for("the node's end", Duration::from_secs(10), || (world.count(Role::Node) == 0).then_some(()));
        for (words, code) in READING {
            let ran = world.run(words).expect(code);
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(said.contains("the node was stopped by `"), "`{}` says {said}", ran.words);
            assert!(said.contains("`seaworthy node start` starts it again"), "`{}` says {said}", ran.words);
            assert_eq!(world.count(Role::Node), 0, "`{}` started it", ran.words);
        }
        let found = world.run(&["doctor"]).stdout;
        assert!(found.contains("-- seaworthy node: the node was stopped by `"), "{found}");
        let status = world.json(&["status"]);
        assert_eq!((&status["node_stopped"]["all"], &status["environments"]), (&all.into(), &serde_json::json!([])));
        if all {
            assert_eq!(world.processes().len(), 0);
            // There is nothing to stop, and nothing is started to find that out.
            world.run(&["node", "stop", "--all"]).expect(0).says("does not run");
            assert_eq!(world.processes().len(), 0);
        } else {
            assert_eq!(world.text("/version"), "one", "services and gateway need no node");
            world.run(&["node", "start"]).expect(0);
        }
    }
    // Who changes something wants it; and from then on it is not stopped any more, but died.
    world.up();
    wait_for("what runs there to be back", Duration::from_secs(20), || {
        world.get("/version").ok().filter(|answer| answer.status == 200 && answer.text() == "one").map(drop)
    });
    processes::kill(world.pid(Role::Node));
    wait_for("the node's end", Duration::from_secs(10), || (world.count(Role::Node) == 0).then_some(()));
    let status = world.json(&["status"]);
    assert_eq!((world.count(Role::Node), status.get("node_stopped")), (1, None));
}

#[test]
fn nor_does_it_on_another_machine() {
    let machine = Machine::with_program();
    let world = World::with(&(small("one") + &format!("[environments.qa]\nnode = \"{}\"\n", machine.url())));
    machine.run(&world, &["up", "qa"]).expect(0);
    machine.run(&world, &["node", "stop", "--all", "--node", &machine.url()]).expect(0);
    wait_for("the end of everything", Duration::from_secs(10), || machine.processes().is_empty().then_some(()));
    let status = machine.run(&world, &["status", "qa"]).expect(0).stdout;
    assert!(status.contains(&format!("the node was stopped by `{}`", machine.user.name)), "{status}");
    for words in [&["history", "qa"][..], &["logs", "qa"], &["open", "qa"]] {
        machine.run(&world, words).expect(2).says("the node was stopped by").says("node start");
    }
    // What connected there may still be ending; a node would stay.
    wait_for("nobody there", Duration::from_secs(10), || machine.processes().is_empty().then_some(()));
    machine.run(&world, &["up", "qa"]).expect(0);
}

#[test]
fn ctrl_c_after_a_build_is_heard() {
    let world = World::with(&small("one"));
    world.up();
    let built = Service::web("web", "two").line("build = \"echo built\"");
    world.write_manifest(&app(&[built], &[]));
    // A node that does not answer keeps whoever wants to send something waiting.
    let node = world.pid(Role::Node);
    signal(node, Signal::SIGSTOP).expect("own process");
    let live = Live::begin(&world, &["up"]);
    live.stderr.until("build ok");
    let ran = live.interrupt();
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("stopped: nothing is deployed"), "{}", ran.stderr);
    signal(node, Signal::SIGCONT).expect("own process");
    assert_eq!(world.text("/version"), "one");
    world.up();
    assert_eq!(world.text("/version"), "two");
}
