//! Services that are no web servers: workers, and those that speak bytes.

use crate::support::manifest::{Service, app};
use crate::support::world::World;

fn worker(version: &str) -> Service {
    Service::new("clerk", version).line("port = false").env("MODE", "worker")
}

fn with_worker(version: &str) -> String {
    app(&[Service::web("web", "web"), worker(version)], &["bake = \"10m\""])
}

fn clerks(world: &World) -> Vec<(u64, bool)> {
    let dev = world.dev();
    let services = dev["services"].as_array().into_iter().flatten();
    let clerk = services.filter(|service| service["service"] == "clerk");
    let instances = clerk.flat_map(|clerk| clerk["instances"].as_array().into_iter().flatten());
    instances.map(|one| (one["pid"].as_u64().unwrap_or(0), one["current"] == true)).collect()
}

#[test]
fn an_old_worker_ends_at_the_shift_and_not_after_the_bake() {
    let world = World::with(&with_worker("one"));
    world.up();
    let before = clerks(&world);
    assert_eq!(before.len(), 1);
    world.deploy(&with_worker("two"));
    let after = crate::support::wait_for("the old worker's end", std::time::Duration::from_secs(10), || {
        let now = clerks(&world);
        (now.len() == 1).then_some(now)
    });
    assert!(after[0].1 && after[0].0 != before[0].0, "{before:?}, then {after:?}");
    // A rollback starts it again.
    world.run(&["rollback", "dev"]).expect(0);
    world.deploy(&with_worker("two"));
    assert_eq!(clerks(&world).iter().filter(|(_, current)| *current).count(), 1);
}

#[test]
fn bytes_are_forwarded_as_they_are() {
    let bytes = Service::new("bytes", "one").line("protocol = \"tcp\"").env("MODE", "tcp");
    // It names its version, then gives back what it gets, until its client has said everything.
    let script = "import os, socket, sys\n\
        host, port = os.environ['BYTES_HOST'], int(os.environ['BYTES_PORT'])\n\
        s = socket.create_connection((host, port), 5)\n\
        s.sendall(b'\\x00\\xff' * 50000)\n\
        s.shutdown(socket.SHUT_WR)\n\
        data = b''\n\
        while True:\n\
        \x20   some = s.recv(65536)\n\
        \x20   if not some: break\n\
        \x20   data += some\n\
        sys.exit(0 if data == b'one\\n' + b'\\x00\\xff' * 50000 else 3)\n";
    let web = Service::web("web", "one").line("calls = [\"bytes\"]");
    let web = web.line("files = [\"subject\", \"ask.py\"]");
    let web = web.env("BYTES_HOST", "${bytes.host}").env("BYTES_PORT", "${bytes.port}");
    let world = World::new();
    world.write("ask.py", script);
    world.deploy(&app(&[web.line("base = [\"python3-minimal\"]"), bytes], &[]));
    world.run(&["run", "dev", "web", "--", "python3", "ask.py"]).expect(0);
    world.run(&["run", "dev", "web", "--", "python3", "-c", "raise SystemExit(7)"]).expect(7);
}
