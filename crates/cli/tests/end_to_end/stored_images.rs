//! What a node keeps: it removes what nothing needs, keeps what somebody may go back to, and serves and takes images
//! where it was told to.

use crate::support::manifest::{Service, app, small};
use crate::support::wait_for;
use crate::support::world::{World, free_port};
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;

/// The names of all blobs of the node.
fn blobs(world: &World) -> BTreeSet<String> {
    let entries = fs::read_dir(world.home.join("node/blobs/sha256")).expect("the node's blobs");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("a name")).collect()
}

/// Deploys a version whose files are its own.
fn deploy(world: &World, version: &str) {
    world.write("page", version);
    world.deploy(&app(&[Service::web("web", version).line("files = [\"subject\", \"page\"]")], &[]));
}

#[test]
fn old_releases_go_and_rollback_still_has_where_to_go() {
    let world = World::new();
    let start = |world: &World| {
        let mut command = world.command(&["node", "start"]);
        command.env("SEAWORTHY_KEEP_REVISIONS", "2").env("SEAWORTHY_KEEP_YOUNG_SECONDS", "3");
        assert!(command.status().expect("the binary").success());
    };
    start(&world);
    deploy(&world, "one");
    let first = blobs(&world);
    for version in ["two", "three", "four"] {
        deploy(&world, version);
    }
    // A collection follows each deployment; what is younger than three seconds stays.
    let mut count = 0;
    let gone = wait_for("the first release's own blobs to go", Duration::from_secs(40), || {
        deploy(&world, &format!("more-{count}"));
        count += 1;
        let left = blobs(&world);
        (!first.is_subset(&left)).then_some(left)
    });
    assert!(!gone.is_empty());
    let last = world.assert_settled();
    assert_eq!(last, format!("more-{}", count - 1));
    // Revisions are remembered, what they ran is not: going there is refused in words, and nothing happens.
    world.run(&["rollback", "dev", "--to", "1"]).says("is not on this node").says("help:");
    assert_eq!(world.assert_settled(), last);
    world.run(&["rollback", "dev"]).expect(0);
    assert_ne!(world.assert_settled(), last);
}

#[test]
fn the_registry_is_where_it_was_told_to_be_and_wants_its_token() {
    let world = World::with(&small("one"));
    let port = free_port();
    let mut command = world.command(&["node", "start"]);
    assert!(command.env("SEAWORTHY_REGISTRY_PORT", port.to_string()).status().expect("the binary").success());
    let file = world.home.join("registry.token");
    assert_eq!(fs::metadata(&file).expect("the token's file").permissions().mode() & 0o777, 0o600);
    let place = format!("registry 127.0.0.1:{port}, its token in {}", file.display());
    let status = world.run(&["node", "status"]).expect(0).stdout;
    assert!(status.contains(&place), "{status}");
    assert_eq!(world.json(&["node", "status"])["registry"]["address"], format!("127.0.0.1:{port}"));
    let token = fs::read_to_string(&file).expect("the token");
    let ask = |credentials: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the registry listens");
        let head = format!("GET /v2/ HTTP/1.1\r\nhost: r\r\n{credentials}connection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer.split(' ').nth(1).expect("a status").to_owned()
    };
    assert_eq!(ask(""), "401");
    assert_eq!(ask("authorization: Bearer wrong\r\n"), "401");
    assert_eq!(ask(&format!("authorization: Bearer {}\r\n", token.trim())), "200");
    let other = TcpStream::connect((std::net::Ipv4Addr::new(127, 0, 0, 2), port));
    assert!(other.is_err(), "it listens on 127.0.0.1 alone");
}
