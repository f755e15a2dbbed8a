//! The node's socket as a stranger and as a clumsy friend see it.

use crate::support::manifest::small;
use crate::support::processes::Role;
use crate::support::world::World;
use seaworthy_host::{files, process};
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;

/// `nobody`.
const STRANGER: u32 = 65534;

/// Every endpoint: method, path, and a body that would do something.
const ENDPOINTS: [(&str, &str, &str); 26] = [
    ("GET", "/v1/node", ""),
    ("POST", "/v1/node/stop", "{\"all\":true}"),
    ("POST", "/v1/blobs/missing", "{\"digests\":[]}"),
    ("PUT", "/v1/blobs/sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", ""),
    ("POST", "/v1/releases", "{}"),
    ("POST", "/v1/apps/subject/environments/dev/plan", "{\"intent\":{\"verb\":\"down\"}}"),
    ("POST", "/v1/apps/subject/environments/dev/deployments", "{\"intent\":{\"verb\":\"down\"}}"),
    ("GET", "/v1/apps/subject/environments/dev/logs?service=&lines=1&follow=false", ""),
    ("POST", "/v1/apps/subject/environments/dev/run", "{\"service\":\"web\",\"command\":[\"id\"]}"),
    ("POST", "/v1/apps/subject/environments/dev/exec", "{\"service\":\"web\",\"command\":[\"id\"]}"),
    ("POST", "/v1/apps/subject/environments/dev/functional", ""),
    ("POST", "/v1/apps/subject/environments/dev/runs", ""),
    ("GET", "/v1/apps/subject/environments/dev/commits", ""),
    ("POST", SEND, "# v2 git bundle"),
    ("GET", "/v1/jobs?app=subject", ""),
    ("POST", "/v1/apps/subject/environments/dev/jobs/tick/run", ""),
    ("GET", "/v1/apps/subject/difference?a=dev&b=prod", ""),
    ("GET", "/v1/apps/subject/webhook?reveal=true", ""),
    ("GET", "/v1/deployments/1", ""),
    ("GET", "/v1/deployments/1/events?after=0", ""),
    ("POST", "/v1/deployments/1/stop", ""),
    ("GET", "/v1/status?app=&environment=", ""),
    ("GET", "/v1/history?app=subject&environment=&limit=5", ""),
    ("GET", "/v1/runs?app=subject&environment=&limit=5", ""),
    ("GET", "/v1/runs/1/log?after=0", ""),
    ("POST", "/v1/runs/1/stop", ""),
];

/// Sends a commit to be built.
const SEND: &str = "/v1/apps/subject/environments/dev/commits?manifest=seaworthy.toml&\
                    commit=0123456789abcdef0123456789abcdef01234567";

fn socket(world: &World) -> PathBuf {
    seaworthy_host::runtime_directory(&world.home).expect("the sockets' folder").join("node.sock")
}

/// Sends one request over the node's socket as a user, and returns the status and the whole answer.
fn ask(world: &World, user: u32, (method, path, body): (&str, &str, &str)) -> (u16, String) {
    let mut command = process::command(world.app.join("subject"));
    command.arg("ask").arg(socket(world)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if user != seaworthy_host::peer::effective_uid() {
        command.uid(user).gid(user);
    }
    let mut child = command.spawn().expect("the subject");
    let head = format!("{method} {path} HTTP/1.1\r\nhost: node\r\nconnection: close\r\n");
    let entity = format!("content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    child.stdin.take().expect("a pipe").write_all((head + &entity).as_bytes()).expect("a request");
    let output = child.wait_with_output().expect("an answer");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok());
    (status.unwrap_or_else(|| panic!("{method} {path}: `{text}` {}", String::from_utf8_lossy(&output.stderr))), text)
}

/// Every path with every method that the node's router has, as its source says it.
#[test]
fn the_table_of_endpoints_is_whole() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../node/src/routes/mod.rs");
    let text = String::from_utf8(files::read(std::path::Path::new(file)).expect("the router's source")).expect("UTF-8");
    let router = text.split("Router::new()").nth(1).and_then(|rest| rest.split(".fallback").next()).expect("a router");
    let methods = ["get(", "post(", "put(", "delete("];
    let is_word = |before: &str| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let count = |method: &&str| router.match_indices(*method).filter(|(at, _)| is_word(&router[..*at])).count();
    let routes: usize = methods.iter().map(count).sum();
    assert_eq!(routes, ENDPOINTS.len(), "an endpoint is missing in the table, or was taken away:\n{router}");
}

#[test]
fn a_stranger_may_do_nothing_at_all() {
    assert!(seaworthy_host::peer::is_root(), "this test becomes another user, which only root may: run it as root");
    let world = World::with(&small("one"));
    world.up();
    assert_eq!(world.outcome(), "succeeded");
    let (before, node) = (world.dev(), world.pid(Role::Node));
    // The mode of the socket is the first lock; what is tried here is the second.
    files::set_mode(&socket(&world), 0o666).expect("the socket");
    for endpoint in ENDPOINTS.into_iter().chain([("GET", "/v1/no-such-thing", ""), ("POST", "/", "x")]) {
        let (status, text) = ask(&world, STRANGER, endpoint);
        assert_eq!(status, 403, "{endpoint:?}: {text}");
        assert!(text.contains("may not use this node"), "{text}");
        assert!(!text.contains("one") || !text.contains("revision"), "{endpoint:?} tells: {text}");
    }
    files::set_mode(&socket(&world), 0o600).expect("the socket");
    assert_eq!(world.pid(Role::Node), node);
    let after = world.dev();
    for what in ["revision", "deployment"] {
        assert_eq!(after[what], before[what], "{what} changed");
    }
    assert_eq!(world.assert_settled(), "one");
}

#[test]
fn a_stranger_enters_no_instance() {
    assert!(seaworthy_host::peer::is_root(), "this test becomes another user, which only root may: run it as root");
    let world = World::with(&small("one"));
    world.up();
    files::set_mode(&socket(&world), 0o666).expect("the socket");
    let path = "/v1/apps/subject/environments/dev/exec HTTP/1.1\r\nupgrade: seaworthy-exec/1\r\nx:";
    let body = "{\"service\":\"web\",\"command\":[\"./subject\"]}";
    let (status, text) = ask(&world, STRANGER, ("POST", path, body));
    assert_eq!(status, 403, "{text}");
    assert!(!std::fs::read_to_string(world.home.join("node.log")).expect("a log").contains("./subject"), "it ran");
}

#[test]
fn without_a_place_in_the_group_the_socket_itself_is_closed() {
    assert!(seaworthy_host::peer::is_root(), "this test becomes another user, which only root may: run it as root");
    let world = World::with(&small("one"));
    world.run(&["node", "start"]).expect(0);
    let mut command = process::command(world.app.join("subject"));
    let output = command.arg("ask").arg(socket(&world)).uid(STRANGER).gid(STRANGER).output().expect("the subject");
    assert!(String::from_utf8_lossy(&output.stderr).contains("Permission denied"), "{output:?}");
}

#[test]
fn nonsense_is_answered_in_words_and_changes_nothing() {
    let world = World::with(&small("one"));
    world.up();
    let me = seaworthy_host::peer::effective_uid();
    let takes_json = |(method, path, body): &(&str, &str, &str)| *method == "POST" && !body.is_empty() && *path != SEND;
    for (method, path, _) in ENDPOINTS.into_iter().filter(takes_json) {
        for body in ["{", "[]", "\"text\"", "{\"intent\":{\"verb\":\"explode\"}}", "\u{0}"] {
            let (status, text) = ask(&world, me, (method, path, body));
            assert!((400..500).contains(&status), "{method} {path} with `{body}`: {text}");
            assert!(text.contains("\"errors\""), "{method} {path} with `{body}` is not answered as errors: {text}");
        }
    }
    for path in [
        "/",
        "/v1",
        "/v2/node",
        "/v1/node/",
        "/v1/apps/subject",
        "/v1/deployments/none",
        "/v1/deployments/999",
        "/v1/runs/999/log",
    ] {
        let (status, text) = ask(&world, me, ("GET", path, ""));
        assert!((400..500).contains(&status), "{path}: {text}");
    }
    for name in ["UPPER", "a%2Fb", "..", "x%00", &"long".repeat(10)] {
        let path = format!("/v1/apps/{name}/environments/dev/plan");
        let (status, text) = ask(&world, me, ("POST", &path, "{\"intent\":{\"verb\":\"down\"}}"));
        assert!((400..500).contains(&status), "{path}: {text}");
    }
    let (status, _) = ask(&world, me, ("DELETE", "/v1/node", ""));
    assert!((400..500).contains(&status));
    assert_eq!(world.assert_settled(), "one");
}
