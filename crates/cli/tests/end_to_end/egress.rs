//! What a service declares to need of the world outside, and what it gets of that.

use crate::support::http;
use crate::support::manifest::{HOST, Service, app};
use crate::support::wait_for;
use crate::support::world::World;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, ToSocketAddrs as _};
use std::time::Duration;

/// A name that means this machine and is not `localhost`: its own.
fn own_name() -> String {
    let name = nix::unistd::gethostname().expect("a name").into_string().expect("a name in UTF-8");
    let found = (name.as_str(), 80).to_socket_addrs().map(|mut all| all.next());
    assert!(matches!(found, Ok(Some(_))), "this machine does not know its own name `{name}`: put it into /etc/hosts");
    name
}

/// A server of the machine, on all of its addresses: it answers every request with `outside`.
fn server() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut head = [0; 4096];
                if stream.read(&mut head).is_ok_and(|count| count > 0) {
                    let _ = stream.write_all(b"HTTP/1.0 200 OK\r\ncontent-length: 7\r\n\r\noutside");
                }
            });
        }
    });
    port
}

fn tried(world: &World, to: &str) -> (bool, String) {
    let answer = http::get(world.port, HOST, &format!("/wall/connect?of={to}")).expect("an answer");
    let text = answer.text();
    // A refused connection is accepted inside and ends without a byte.
    (answer.status == 200 && text.contains("outside"), text)
}

fn with_egress(egress: &str) -> String {
    app(&[Service::web("web", "v").line(&format!("egress = [{egress}]"))], &[])
}

#[test]
fn a_name_that_means_this_machine_is_refused_and_the_line_that_would_allow_it_is_said() {
    let (name, port) = (own_name(), server());
    let world = World::with(&with_egress(&format!("\"{name}:{port}\", \"169.254.169.254:80\"")));
    world.up();
    let (could, text) = tried(&world, &format!("{name}:{port}"));
    assert!(!could, "{text}");
    let (could, text) = tried(&world, "169.254.169.254:80");
    assert!(!could, "a metadata service: {text}");
    let line = format!("add `egress = [{{ to = \"{name}:{port}\", node = true }}]`");
    let log = wait_for("the refusals in the node's log", Duration::from_secs(20), || {
        let log = std::fs::read_to_string(world.home.join("node.log")).ok()?;
        (log.contains(&line) && log.contains("169.254.169.254:80")).then_some(log)
    });
    let of = |part: &str| log.lines().find(|line| line.contains(part)).unwrap_or_default().to_owned();
    assert!(of(&line).contains("web may not connect to"), "{log}");
    assert!(!of("169.254.169.254:80").contains("to allow it"), "nothing allows a metadata service: {log}");
    // Without its walls the service reaches it: the test would see that one is missing.
    world
        .write_manifest(&with_egress("").replace("[environments.dev]\n", "[environments.dev]\nisolation = \"none\"\n"));
    world.up();
    let (could, text) = tried(&world, &format!("127.0.0.1:{port}"));
    assert!(could, "{text}");
}

#[test]
fn what_is_declared_is_reached_by_its_name_and_by_no_other_number() {
    let (name, port, other) = (own_name(), server(), server());
    let world = World::with(&with_egress(&format!("{{ to = \"{name}:{port}\", node = true }}")));
    world.up();
    let (could, text) = tried(&world, &format!("{name}:{port}"));
    assert!(could, "{text}");
    for undeclared in [format!("{name}:{other}"), format!("127.0.0.1:{port}"), "example.com:443".to_owned()] {
        let (could, text) = tried(&world, &undeclared);
        assert!(!could, "{undeclared}: {text}");
    }
}

const THROUGH_PROXY: &str = "\
import os, socket, sys, urllib.parse
proxy = urllib.parse.urlsplit(os.environ['HTTPS_PROXY'])
s = socket.create_connection((proxy.hostname, proxy.port), 5)
s.sendall(f'CONNECT {sys.argv[1]} HTTP/1.1\\r\\nHost: {sys.argv[1]}\\r\\n\\r\\n'.encode())
said = s.recv(4096)
if b' 200 ' in said.split(b'\\r\\n')[0]:
    s.sendall(b'GET / HTTP/1.0\\r\\n\\r\\n')
while some := s.recv(4096): said += some
print(said.decode())
";

#[test]
fn names_with_a_star_are_reached_through_a_proxy_that_judges_every_one() {
    let (name, port) = (own_name(), server());
    let egress = format!("\"*.example.com:443\", {{ to = \"{name}:{port}\", node = true }}");
    let web = Service::web("web", "v").line(&format!("egress = [{egress}]")).line("base = [\"python3-minimal\"]");
    let world = World::with(&app(&[web], &[]));
    world.up();
    let through =
        |to: &str| world.run(&["exec", "dev", "web", "--", "python3", "-c", THROUGH_PROXY, to]).expect(0).stdout;
    assert!(through(&format!("{name}:{port}")).ends_with("outside\n"));
    let said = through("example.org:443");
    assert!(said.contains("403") && said.contains("add `egress = [\"example.org:443\"]`"), "{said}");
    let said = through("169.254.169.254:443");
    assert!(said.contains("403"), "{said}");
}

/// A program that calls somebody whom it does not declare: its author learns what to write, and where.
#[test]
fn a_name_that_is_looked_up_and_not_declared_is_said_with_the_line_that_allows_it() {
    let back = Service::web("back", "v");
    let world = World::with(&app(&[Service::web("web", "v"), back], &[]));
    world.up();
    for undeclared in ["back:80", "db.example.com:5432", "back:8080", "localhost:1"] {
        let (could, text) = tried(&world, undeclared);
        assert!(!could, "{undeclared}: {text}");
        // Said at once, and not after the time that a resolver waits for a server.
        assert!(undeclared.starts_with("localhost") || text.contains("Name or service not known"), "{text}");
    }
    let calls = "`web` looked up the name `back`, which it does not declare; to allow it, add `calls = [\"back\"]`";
    let egress = "add `egress = [\"db.example.com:PORT\"]`";
    let notes = wait_for("the names in the status", Duration::from_secs(20), || {
        let status = world.run(&["status", "dev"]).expect(0).stdout;
        (status.contains(calls) && status.contains(egress)).then_some(status)
    });
    assert!(notes.matches("looked up the name").count() == 2, "each once, and none that there is: {notes}");
    let log = world.run(&["logs", "dev", "web"]).expect(0).stdout;
    assert_eq!(log.matches("the name `back` was looked up and is not declared").count(), 1, "{log}");
    wait_for("the names in the node's log", Duration::from_secs(20), || {
        let log = std::fs::read_to_string(world.home.join("node.log")).ok()?;
        log.contains("the name `db.example.com` was looked up and is not declared").then_some(())
    });
    // With the line it works, and there is nothing left to say.
    world.deploy(&app(&[Service::web("web", "v").line("calls = [\"back\"]"), Service::web("back", "v")], &[]));
    let (_, text) = tried(&world, "back:80");
    assert!(text.starts_with("connected"), "{text}");
    let status = world.run(&["status", "dev"]).expect(0).stdout;
    assert!(!status.contains("looked up the name"), "{status}");
}

const ASKING: &str = "\
import socket, struct, sys
question = lambda name: b'\\xab\\xcd\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0' + b''.join(
    bytes([len(label)]) + label.encode() for label in name.split('.')) + b'\\0\\0\\x01\\0\\x01'
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
server = open('/etc/resolv.conf').read().split()[1]
def ask(name):
    s.sendto(question(name), (server, 53))
    answer = s.recv(512)
    return f'{answer[3] & 15} {answer[7]} {socket.inet_ntoa(answer[-4:]) if answer[7] else None}'
# What is no question gets no answer, and does no harm.
for junk in (b'', b'x', b'\\xff' * 512, question('back')[:-1]): s.sendto(junk, (server, 53))
print(ask('back'), ask('nothing'), *(ask(f'made-up-{number}.example.com') for number in range(100)), sep='\\n')
";

/// The name server inside knows what is declared, asks nobody, and cannot be made to say more than a few lines.
#[test]
fn the_name_server_inside_knows_what_is_declared_and_nothing_else() {
    let web = Service::web("web", "v").line("calls = [\"back\"]").line("base = [\"python3-minimal\"]");
    let world = World::with(&app(&[web, Service::web("back", "v")], &[]));
    world.up();
    let said = world.run(&["exec", "dev", "web", "--", "python3", "-c", ASKING]).expect(0).stdout;
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!((lines[0], lines.len()), ("0 1 127.1.0.1", 102));
    assert!(lines[1..].iter().all(|line| *line == "3 0 None"), "{said}");
    let log = world.run(&["logs", "dev", "web"]).expect(0).stdout;
    assert_eq!(log.matches("was looked up and is not declared").count(), 16, "{log}");
}
