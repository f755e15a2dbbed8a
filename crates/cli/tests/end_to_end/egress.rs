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
