//! What a service cannot do from inside its sandbox. Every wall is tried twice, once with the sandbox and once without:
//! what cannot be done with it must be possible without it, or the test would not see a wall that is missing.

use crate::support::http;
use crate::support::manifest::{HOST, Service, app};
use crate::support::world::World;
use std::collections::BTreeMap;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::os::unix::net::{SocketAddr, UnixListener};

/// The host of a service that calls nobody and that nobody calls.
const STRANGER: &str = "dev.stranger.localhost";

/// `web` calls `back`; `stranger` has a route and nothing else.
fn manifest(dev: &[&str]) -> String {
    let web = Service::web("web", "v").line("calls = [\"back\"]").env("CALL_URL", "${back.url}");
    let stranger = Service::web("stranger", "v").line("egress = []");
    let text = app(&[web, Service::web("back", "v"), stranger], dev);
    text + "\n[routes.stranger]\nhost = \"stranger.localhost\"\nservice = \"stranger\"\n"
}

/// What a service's wall page says: whether it could, and what it got or why not.
fn tried(world: &World, host: &str, page: &str, of: &str) -> (bool, String) {
    let answer = http::get(world.port, host, &format!("/wall/{page}?of={of}")).expect("an answer");
    (answer.status == 200, answer.text())
}

/// Things of the machine that a process without a sandbox reaches, whoever it is.
struct Machine {
    folder: tempfile::TempDir,
    _file_socket: UnixListener,
    _abstract_socket: UnixListener,
    abstract_name: String,
}

impl Machine {
    fn new(world: &World) -> Self {
        let folder = tempfile::Builder::new().prefix("machine-").tempdir().expect("a folder");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o777)).expect("own folder");
        let socket = folder.path().join("socket");
        let file_socket = UnixListener::bind(&socket).expect("a socket");
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o777)).expect("own socket");
        seaworthy_host::files::write_atomic(&folder.path().join("file"), b"of the machine", 0o644).expect("a file");
        let abstract_name = format!("seaworthy-walls-{}", world.port);
        let address = SocketAddr::from_abstract_name(abstract_name.as_bytes()).expect("a name");
        let abstract_socket = UnixListener::bind_addr(&address).expect("an abstract socket");
        Self { folder, _file_socket: file_socket, _abstract_socket: abstract_socket, abstract_name }
    }

    /// What is tried: its name, the page and its argument.
    fn attempts(&self, world: &World) -> Vec<(&'static str, &'static str, String)> {
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        vec![
            ("the gateway by IPv4", "connect", format!("127.0.0.1:{}", world.port)),
            ("the gateway by IPv6", "connect", format!("[::1]:{}", world.port)),
            ("an abstract socket of the machine", "abstract", self.abstract_name.clone()),
            ("a file socket of the machine", "socket", path("socket")),
            ("reading a file of the machine", "read", path("file")),
            ("writing into the machine's folders", "write", path("written")),
            ("seeing other processes", "list", format!("/proc/{}/task", std::process::id())),
        ]
    }
}

fn outcomes(isolation: &str) -> BTreeMap<&'static str, (bool, String)> {
    let world = World::with(&manifest(&[isolation]));
    world.up();
    let machine = Machine::new(&world);
    let attempts = machine.attempts(&world).into_iter();
    attempts.map(|(name, page, of)| (name, tried(&world, STRANGER, page, &of))).collect()
}

#[test]
fn what_was_not_declared_cannot_be_reached() {
    for (name, (could, text)) in outcomes("isolation = \"sandbox\"") {
        assert!(!could, "{name}: {text}");
    }
    for (name, (could, text)) in outcomes("isolation = \"none\"") {
        assert!(could, "without the wall {name} fails, too: the test would not see that it is missing: {text}");
    }
}

/// Every socket file below a folder.
fn sockets(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(sockets(&entry.path())),
            Ok(kind) if kind.is_socket() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

#[test]
fn the_control_sockets_of_node_gateway_and_shims_do_not_exist_inside() {
    for (isolation, expected) in [("sandbox", "No such file or directory"), ("none", "Permission denied")] {
        let world = World::with(&manifest(&[&format!("isolation = \"{isolation}\"")]));
        world.up();
        let runtime = seaworthy_host::runtime_directory(&world.home).expect("the sockets' folder");
        let sockets = sockets(&runtime);
        let names = ["node.sock", "gateway/gateway.sock", "gateway/worker.sock"].map(|name| runtime.join(name));
        assert!(names.iter().all(|name| sockets.contains(name)) && sockets.len() > names.len(), "{sockets:?}");
        // In a sandbox none of them is there. Without one those that rule are, behind a second wall: their mode.
        let tried_ones = if isolation == "sandbox" { &sockets } else { &names.to_vec() };
        for socket in tried_ones {
            let open = std::os::unix::net::UnixStream::connect(socket);
            assert!(open.is_ok(), "outside, {} cannot be reached either: {open:?}", socket.display());
            let (could, text) = tried(&world, STRANGER, "socket", &socket.display().to_string());
            assert!(!could && text.contains(expected), "{isolation}: {}: {text}", socket.display());
        }
    }
}

#[test]
fn a_callee_is_there_for_its_caller_and_for_nobody_else() {
    let world = World::with(&manifest(&[]));
    world.up();
    assert_eq!(world.text("/call"), "v v");
    let (could, text) = tried(&world, HOST, "connect", "back:80");
    assert!(could && text.contains("HTTP/1.1 200"), "{text}");
    let (could, text) = tried(&world, STRANGER, "connect", "back:80");
    assert!(!could, "a service that does not call `back` reaches it: {text}");
    // Not by number either: nothing listens in the stranger's network but itself.
    for number in 1..=3 {
        let (could, text) = tried(&world, STRANGER, "connect", &format!("127.1.0.{number}:80"));
        assert!(!could, "{text}");
    }
}

#[test]
fn a_service_is_nobody_and_can_become_nobody_else() {
    let world = World::with(&manifest(&[]));
    world.up();
    let (_, status) = tried(&world, HOST, "read", "/proc/self/status");
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or("?").trim().to_owned();
    for capabilities in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:"] {
        assert_eq!(field(capabilities), "0000000000000000", "{capabilities}");
    }
    assert_eq!((field("NoNewPrivs:"), field("Seccomp:")), ("1".to_owned(), "2".to_owned()));
    assert!(!field("Uid:").split_whitespace().any(|id| id == "0"), "{}", field("Uid:"));
    for call in ["mount", "unshare", "setns", "bpf", "keyctl", "ptrace", "setuid", "chroot", "perf", "io_uring"] {
        let (could, text) = tried(&world, HOST, "call", call);
        assert!(!could, "{call}: {text}");
    }
}

#[test]
fn only_tmp_and_volumes_can_be_written() {
    let web = Service::web("web", "v").line("volumes.data = \"/data\"").line("writable = [\"logs\"]");
    let world = World::with(&app(&[web], &[]));
    world.up();
    for path in ["/tmp/file", "/data/file", "/app/logs/file"] {
        let (could, text) = tried(&world, HOST, "write", path);
        assert!(could, "{path}: {text}");
    }
    for path in ["/file", "/app/file", "/etc/passwd", "/usr/file", "/proc/sys/kernel/hostname", "/dev/file"] {
        let (could, text) = tried(&world, HOST, "write", path);
        assert!(!could, "{path}: {text}");
    }
    assert!(world.volume("web").join("file").is_file());
}

#[test]
fn more_memory_or_processes_than_allowed_are_not_to_be_had() {
    let world = World::with(&app(&[Service::web("web", "v").line("memory = \"64MiB\"")], &[]));
    world.up();
    let (could, text) = tried(&world, HOST, "memory", "16");
    assert!(could, "{text}");
    let before = world.program_pids();
    // The kernel ends it: there is no answer of its own.
    let answer = http::get(world.port, HOST, "/wall/memory?of=256");
    assert!(answer.map_or(true, |answer| answer.status == 502), "it got 256 MiB of 64");
    crate::support::wait_for("another start", std::time::Duration::from_secs(20), || {
        let now = world.program_pids();
        (!now.is_empty() && now != before).then_some(())
    });
    let (could, text) = tried(&world, HOST, "children", "20000");
    assert!(!could, "{text}");
}
