//! A node on another machine: the same verbs, by ssh.

use crate::support::http;
use crate::support::manifest::{Service, app};
use crate::support::processes::{Role, is_alive};
use crate::support::remote::{Machine, finish};
use crate::support::wait_for;
use crate::support::world::World;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::time::Duration;

/// An app whose `prod` is on the other machine.
fn manifest(machine: &Machine, version: &str, prod: &str) -> String {
    let files = Service::web("web", version).line("files = [\"subject\", \"page\"]");
    app(&[files], &[]) + &format!("\nnode = \"{}\"\nbake = \"0s\"\nisolation = \"none\"\n{prod}\n", machine.url())
}

fn deploy(world: &World, machine: &Machine, version: &str, prod: &str) {
    world.write_manifest(&manifest(machine, version, prod));
    world.write("page", version);
    world.commit();
}

fn asked(machine: &Machine) -> String {
    http::get(machine.port, "web.localhost", "/version").expect("an answer").text()
}

fn last_deployment(world: &World, machine: &Machine) -> Value {
    let ran = machine.run(world, &["status", "prod", "--json"]).expect(0);
    let status: Value = serde_json::from_str(&ran.stdout).expect("one JSON document");
    status["environments"][0]["deployment"].clone()
}

#[test]
fn from_nothing_to_production_on_another_machine() {
    let (world, machine) = (World::new(), Machine::new());
    deploy(&world, &machine, "one", "shift = [\"100%\"]");
    machine.run(&world, &["status", "prod"]).expect(1).says("seaworthy node install --on ssh://");
    machine.run(&world, &["node", "install", "--on", &machine.url()]).expect(0).says("the node runs");
    for name in ["seaworthy", "seaworthy-check"] {
        let there = std::fs::metadata(machine.user.home.join(".local/bin").join(name)).expect("a program");
        assert_eq!((there.uid(), there.mode() & 0o777), (machine.user.uid, 0o755), "{name}");
    }

    machine.run(&world, &["plan", "prod"]).expect(2);
    // The plan has sent what was missing: the image's list of files, and two files.
    let up = machine.run(&world, &["up", "prod"]).expect(0).says("wait until `web` is healthy: done");
    assert!(!up.stderr.contains("sent"), "{}", up.stderr);
    assert_eq!(up.stdout.trim(), format!("http://web.localhost:{}/", machine.port));
    assert_eq!(asked(&machine), "one");
    deploy(&world, &machine, "two", "shift = [\"100%\"]");
    // The layer of its own files and the documents, not what they stand on.
    machine.run(&world, &["up", "prod"]).expect(0).says("sent 7 blobs");
    assert_eq!(asked(&machine), "two");

    let logs = machine.run(&world, &["logs", "prod", "web"]).expect(0).stdout;
    assert!(logs.contains("subject two listens on 127.0.0.1:"), "{logs}");
    let history = machine.run(&world, &["history", "prod"]).expect(0).stdout;
    let by = format!("by {} (calls itself root)", machine.user.name);
    assert_eq!(history.matches(&by).count(), 2, "{history}");
    assert_eq!(machine.run(&world, &["run", "prod", "web", "--", "cat", "page"]).expect(0).stdout.trim(), "two");
    let all_bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let exec = machine.command(&world, "good", &["exec", "prod", "web", "--", "sh", "-c", "cat; echo no >&2; exit 7"]);
    let (code, stdout, stderr) = crate::exec::with_input(exec, &all_bytes);
    assert_eq!((code, stdout == all_bytes, stderr.as_str()), (7, true, "no\n"));
    assert_eq!(world.count(Role::Node), 0, "nothing of this runs here");
    for process in machine.processes() {
        let owner = std::fs::metadata(format!("/proc/{}", process.pid)).map(|metadata| metadata.uid());
        assert!(owner.is_err() || owner.is_ok_and(|owner| owner == machine.user.uid), "{process:?}");
    }
}

#[test]
fn a_lost_connection_ends_nothing() {
    let (world, mut machine) = (World::new(), Machine::with_program());
    let slowly = "shift = [\"50%\", \"100%\"]\nshift_every = \"3s\"";
    deploy(&world, &machine, "one", slowly);
    machine.run(&world, &["up", "prod"]).expect(0);

    // Cut while it shifts: the verb connects again and sees the end.
    deploy(&world, &machine, "two", slowly);
    let (code, said) = while_it_shifts(&world, &machine, || {
        machine.cut();
        assert_eq!(last_deployment(&world, &machine)["outcome"], "running");
        machine.run(&world, &["logs", "prod"]).expect(0);
    });
    assert_eq!(code, 0, "{said}");
    assert_eq!(asked(&machine), "two");

    // Unplugged for good: the verb gives up in words, the deployment does not.
    deploy(&world, &machine, "three", slowly);
    let mut command = machine.command(&world, "good", &["deploy", "prod"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    until_it_shifts(&mut lines);
    machine.unplug();
    let mut said = String::new();
    lines.read_to_string(&mut said).expect("text");
    assert_eq!(child.wait().expect("a child").code(), Some(1), "{said}");
    assert!(said.contains("it goes on without you: `seaworthy status prod --follow`"), "{said}");
    machine.start_sshd();
    wait_for("the deployment's end", Duration::from_secs(30), || {
        (last_deployment(&world, &machine)["outcome"] == "succeeded").then_some(())
    });
    assert_eq!(asked(&machine), "three");
}

/// Deploys, does something at the first step of the shift, and waits for the verb's end.
fn while_it_shifts(world: &World, machine: &Machine, act: impl FnOnce()) -> (i32, String) {
    let mut command = machine.command(world, "good", &["deploy", "prod"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the binary");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    until_it_shifts(&mut lines);
    act();
    let mut said = String::new();
    lines.read_to_string(&mut said).expect("text");
    (child.wait().expect("a child").code().unwrap_or(-1), said)
}

fn until_it_shifts(lines: &mut impl BufRead) {
    let mut said = String::new();
    while !said.contains("shift traffic: 50%") {
        assert!(lines.read_line(&mut said).expect("text") > 0, "it ended before the shift:\n{said}");
    }
}

#[test]
fn who_cannot_get_in_is_told_why() {
    let (world, mut machine) = (World::new(), Machine::with_program());
    deploy(&world, &machine, "one", "");
    for (configuration, words) in [("refused-key", "Permission denied"), ("wrong-host", "Host key verification failed")]
    {
        let ran = finish(machine.command(&world, configuration, &["status", "prod"]), &["status", "prod"]);
        ran.expect(1).says(words).says("must work without a question first");
    }
    let ran = machine.run(&world, &["up", "prod", "--node", "http://127.0.0.1"]).expect(2);
    ran.says("write `ssh://user@host`");
    machine.run(&world, &["promote", "dev", "prod"]).expect(2).says("each node knows only its own");
    machine.unplug();
    machine.run(&world, &["up", "prod"]).expect(1).says("Connection refused");
    assert!(machine.processes().iter().all(|process| !is_alive(process.pid)), "nothing was started there");
}
