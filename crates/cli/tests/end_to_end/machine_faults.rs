//! The machine and the programs on it are as they are: the old revision serves, and the message says what to do.

use crate::support::disk::{Mounted, fill};
use crate::support::load::{Kind, Load};
use crate::support::manifest::{HOST, Service, app, small};
use crate::support::wait_for;
use crate::support::world::{World, free_port};
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::{Duration, Instant};

/// Another program where the subject was.
fn write_program(world: &World, bytes: &[u8]) {
    seaworthy_host::files::write_atomic(&world.app.join("subject"), bytes, 0o755).expect("the app's folder");
}

#[test]
fn a_full_disk() {
    // In a sandbox instances share the image's files: nothing is written when one starts.
    let small = |version: &str| app(&[Service::web("web", version)], &["isolation = \"none\""]);
    let world = World::with(&small("one"));
    world.small_disk(96);
    world.up();
    // Full when the release is built, and full when an instance gets its files.
    let subject = fs::read(world.app.join("subject")).expect("the subject");
    for (left_kibibytes, more) in [(0, &b"more"[..]), (1500, b"")] {
        let ballast = fill(&world.home, left_kibibytes);
        write_program(&world, &[&subject[..], more].concat());
        world.write_manifest(&small("two"));
        let ran = world.run(&["up"]).says("no space left").says("help:");
        assert_ne!(ran.code, 0);
        let load = Load::start(world.port, HOST, &[(Kind::Get, 2), (Kind::FreshGet, 2)]);
        wait_for("requests beside a full disk", Duration::from_secs(10), || (load.so_far().ok > 200).then_some(()));
        load.finish().assert_nothing_failed();
        fs::remove_file(ballast).expect("the ballast");
        assert_eq!(world.assert_settled(), "one");
    }
    world.up();
    assert_eq!(world.assert_settled(), "two");
}

#[test]
fn a_store_that_is_read_only() {
    let world = World::with(&small("one"));
    world.up();
    world.run(&["node", "stop"]).expect(0);
    let read_only = Mounted::read_only(&world.home);
    world.write_manifest(&small("two"));
    world.run(&["up"]).expect(1).says("read-only").says("help:");
    assert_eq!(world.text("/version"), "one", "the gateway needs no node");
    drop(read_only);
    world.up();
    assert_eq!(world.assert_settled(), "two");
}

#[test]
fn the_gateways_port_is_taken() {
    let world = World::with(&small("one"));
    let taken = TcpListener::bind(("127.0.0.1", world.port)).expect("a port");
    let ran = world.run(&["up"]).expect(1).says(&world.port.to_string()).says("SEAWORTHY_PORT=");
    assert!(ran.stderr.contains(&std::process::id().to_string()), "it does not say who has it:\n{}", ran.stderr);
    drop(taken);
    world.up();
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn a_services_own_port_is_taken() {
    let world = World::with(&small("one"));
    world.up();
    let port = free_port();
    let taken = TcpListener::bind(("127.0.0.1", port)).expect("a port");
    let fixed = Service::web("web", "two").line(&format!("port = {port}")).line("update = \"replace\"");
    world.write_manifest(&app(
        &[fixed.env("FIXED_PORT", &port.to_string())],
        &["bake = \"0s\"", "isolation = \"none\""],
    ));
    let ran = world.run(&["up"]).says(&port.to_string());
    assert_ne!(ran.code, 0, "{}", ran.stderr);
    assert_eq!(world.assert_settled(), "one");
    drop(taken);
    world.up();
    assert_eq!(world.assert_settled(), "two");
}

#[test]
fn a_service_that_ignores_sigterm_is_ended_after_its_grace_time() {
    let deaf = |version: &str| {
        let web = Service::web("web", version).env("IGNORE_TERM", "yes").line("grace = \"400ms\"");
        app(&[web], &["bake = \"0s\""])
    };
    let world = World::with(&deaf("one"));
    world.up();
    let load = Load::start(world.port, HOST, &[(Kind::Get, 2), (Kind::FreshGet, 2), (Kind::Post, 1)]);
    let began = Instant::now();
    world.deploy(&deaf("two"));
    assert_eq!(world.outcome(), "succeeded");
    assert!(began.elapsed() < Duration::from_secs(10));
    load.finish().assert_nothing_failed();
    assert_eq!(world.assert_settled(), "two");
}

#[test]
fn a_service_that_floods_its_log_neither_stops_nor_fills_the_disk() {
    let world = World::with(&app(&[Service::web("web", "loud").env("FLOOD_MS", "4000")], &["bake = \"0s\""]));
    world.up();
    let load = Load::start(world.port, HOST, &[(Kind::Get, 2), (Kind::FreshGet, 2)]);
    wait_for("answers beside the flood", Duration::from_secs(10), || (load.so_far().ok > 300).then_some(()));
    world.run(&["logs", "dev", "-n", "20"]).expect(0);
    world.deploy(&small("quiet"));
    load.finish().assert_nothing_failed();
    let kept = bytes_below(&world.home.join("logs"));
    assert!(kept > 1024 * 1024, "only {kept} bytes of log: no flood");
    assert!(kept < 64 * 1024 * 1024, "{kept} bytes of log are kept");
    assert_eq!(world.assert_settled(), "quiet");
}

#[test]
fn a_service_that_writes_binary_to_its_log_is_shown_as_text() {
    let world = World::with(&app(&[Service::web("web", "binary").env("BINARY_LOG", "yes")], &[]));
    world.up();
    let logs = wait_for("the log", Duration::from_secs(10), || {
        let logs = world.run(&["logs", "dev", "-n", "1000"]).expect(0).stdout;
        logs.contains("not text").then_some(logs)
    });
    let odd = logs.chars().find(|c| c.is_control() && !matches!(c, '\n' | '\t'));
    assert_eq!(odd, None, "a control character reaches the terminal");
    assert_eq!(world.assert_settled(), "binary");
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.metadata().map_or(0, |m| if m.is_dir() { bytes_below(&entry.path()) } else { m.len() }))
        .sum()
}
