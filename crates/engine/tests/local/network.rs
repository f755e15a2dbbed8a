//! Instances in networks of their own: what comes in, what goes out, and what does not.

use crate::world::{World, eventually, is_alive, name};
use seaworthy_deploy::Target as _;
use seaworthy_engine::InstanceNetwork;
use seaworthy_host::entrance::{EntranceRequest, ask};
use seaworthy_host::process::{self, Signal};
use seaworthy_model::pool::{PoolId, PoolSpec, Sandbox};
use seaworthy_model::routing::EndpointAddress;
use seaworthy_model::service::{Health, Port, Protocol};
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::time::Duration;

fn must_be_root() {
    assert!(seaworthy_host::peer::is_root(), "only root makes networks: run this test as root");
}

/// A program that tells what it can reach, on a port that others have, too.
fn prober(world: &World, port: u16) -> PoolSpec {
    let run = ["python3", "prober.py", &port.to_string()].map(str::to_owned);
    let mut spec = world.spec("prober", &[], &[("prober.py", include_str!("prober.py"))]);
    spec.run = run.to_vec();
    spec.port = Port::Fixed(port);
    spec.health = Health::Path("/".to_owned());
    spec.sandbox = Some(Sandbox::default());
    spec
}

fn network(world: &World) -> InstanceNetwork {
    world.target().networks().unwrap().remove(0)
}

/// Says one word to everybody who comes.
fn greeter(listener: TcpListener, word: &'static str) {
    listener.set_nonblocking(false).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.and_then(|mut stream| stream.write_all(word.as_bytes()));
        }
    });
}

#[tokio::test]
async fn two_listen_on_one_number_and_the_machine_knows_neither() {
    must_be_root();
    let world = World::new();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut spec = prober(&world, free.port());
    spec.tuning.replicas = 2;
    world.up(&spec).await;
    assert_eq!(world.get(&spec, "/").await, "ok");
    let endpoints = world.target().endpoints(&spec.id);
    assert_eq!(endpoints.len(), 2);
    assert!(endpoints.iter().all(|(_, address)| matches!(address, EndpointAddress::Sandboxed { .. })));
    assert!(std::net::TcpStream::connect(free).is_err(), "nobody listens on the machine's own network");
    world.end().await;
}

#[tokio::test]
async fn what_was_not_declared_does_not_exist() {
    must_be_root();
    let world = World::new();
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let outside6 = TcpListener::bind("[::1]:0").unwrap();
    let (port, port6) = (outside.local_addr().unwrap().port(), outside6.local_addr().unwrap().port());
    greeter(outside, "hello");
    greeter(outside6, "hello");
    let abstract_name = format!("seaworthy-test-{}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&abstract_name).unwrap();
    let _hidden = std::os::unix::net::UnixListener::bind_addr(&address).unwrap();
    let asked = [
        format!("/connect?127.0.0.1={port}"),
        format!("/connect?::1={port6}"),
        format!("/connect?::ffff:127.0.0.1={port}"),
        format!("/abstract?{abstract_name}"),
    ];
    let mut spec = prober(&world, 7001);
    world.up(&spec).await;
    for asked in &asked {
        assert_eq!(world.get(&spec, asked).await, "Connection refused", "{asked}");
    }
    for far in ["10.0.0.1", "169.254.169.254", "1.1.1.1"] {
        assert_eq!(world.get(&spec, &format!("/connect?{far}=80")).await, "Network is unreachable", "{far}");
    }
    let entrance = network(&world).entrance;
    let answer = world.get(&spec, &format!("/file?{}", entrance.display())).await;
    assert_eq!(answer, "No such file or directory", "not even the way into its own network");
    world.target().stop(&spec.id).await.unwrap();
    // The proof: without the wall all of this is there.
    spec.sandbox = None;
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    spec.port = Port::Fixed(free);
    spec.run[2] = free.to_string();
    spec.id = PoolId("app-test-prober-open".to_owned());
    world.up(&spec).await;
    let mut answers = Vec::new();
    for asked in &asked {
        answers.push(world.get(&spec, asked).await);
    }
    assert_eq!(answers, ["hello", "hello", "hello", "connected"]);
    world.end().await;
}

#[tokio::test]
async fn a_declared_call_arrives_at_whoever_holds_its_listener() {
    must_be_root();
    let world = World::new();
    // The callee's number is the caller's own: the kernel sends connections to where the listener stands aside.
    let mut spec = prober(&world, 8082);
    spec.calls.insert(name("pay"), PoolId("app-test-pay-0".to_owned()));
    spec.sandbox.as_mut().unwrap().callee_ports.insert(name("pay"), 8082);
    world.target().set_call_addresses(std::sync::Arc::new(Callees));
    world.up(&spec).await;
    let network = network(&world);
    let names: Vec<&str> = network.loopback.listeners.iter().map(|listener| listener.name.as_str()).collect();
    assert_eq!(names, ["call/pay/80", "call/pay/8082"]);
    for name in names {
        let listener = world.target().inside_listener(&network, name).await.unwrap();
        greeter(TcpListener::from(listener), if name.ends_with("/80") { "eighty" } else { "its own" });
    }
    for host in ["pay", "127.1.0.1"] {
        assert_eq!(world.get(&spec, &format!("/connect?{host}=80")).await, "eighty");
        assert_eq!(world.get(&spec, &format!("/connect?{host}=8082")).await, "its own");
        assert_eq!(world.get(&spec, &format!("/connect?{host}=8083")).await, "Connection refused");
    }
    let unknown = world.get(&spec, "/connect?users=80").await;
    assert!(unknown.contains("not known") || unknown.contains("resolution"), "{unknown}");
    assert!(world.target().inside_listener(&network, "call/other/80").await.is_err());
    world.end().await;
}

#[tokio::test]
async fn whoever_starts_anew_is_reached_anew() {
    must_be_root();
    let mut world = World::new();
    let spec = prober(&world, 7002);
    world.up(&spec).await;
    let before = network(&world);
    world.restart_node();
    world.target().adopt().await.unwrap();
    assert_eq!(network(&world), before, "a node that comes back knows the networks");
    assert_eq!(world.get(&spec, "/").await, "ok");
    let shim = world.shims().remove(0).shim_pid;
    process::signal(shim, Signal::SIGKILL).unwrap();
    eventually("the shim is gone", || (!is_alive(shim)).then_some(())).await;
    eventually("another start", || (network(&world).token != before.token).then_some(())).await;
    world.target().healthy(&spec).await.unwrap();
    assert_eq!(world.get(&spec, "/").await, "ok");
    world.end().await;
}

#[tokio::test]
async fn only_the_gateway_root_and_the_shims_own_user_come_in() {
    must_be_root();
    let world = World::new();
    let spec = prober(&world, 7003);
    world.up(&spec).await;
    let entrance = network(&world).entrance;
    // Whatever its mode says, the shim looks at who comes.
    seaworthy_host::files::set_mode(&entrance, 0o666).unwrap();
    let gateway = world.target().reserved_user(seaworthy_engine::GATEWAY_USER).unwrap();
    for (user, comes_in) in [(gateway, true), (gateway + 1, false), (0, true)] {
        let script = format!(
            "import os, socket\nos.setuid({user})\ns = socket.socket(socket.AF_UNIX)\ns.connect({:?})\n\
             s.sendall(b'{{\"version\":1,\"ask\":{{\"sockets\":{{\"ipv6\":false,\"count\":1}}}}}}\\n')\n\
             print(len(s.recv(100)) > 0)\n",
            entrance.display().to_string()
        );
        let output = process::command("python3").env("PATH", "/usr/bin:/bin").args(["-c", &script]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        assert_eq!(said == "True", comes_in, "user {user}: {output:?}");
    }
    let flood: Vec<_> = (0..200).map(|_| std::os::unix::net::UnixStream::connect(&entrance)).collect();
    let request = EntranceRequest::Sockets { ipv6: true, count: 255 };
    let sockets = ask(&entrance, &request, Duration::from_secs(10)).unwrap();
    assert_eq!(sockets.len(), 32, "there is a limit to what is given at once");
    drop(flood);
    world.end().await;
}

struct Callees;

impl seaworthy_engine::CallAddresses for Callees {
    fn callee<'a>(
        &'a self,
        _: &'a PoolSpec,
        _: &'a seaworthy_model::Name,
        _: &'a PoolId,
    ) -> seaworthy_engine::CalleeFuture<'a> {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        Box::pin(async move { Ok(seaworthy_engine::Callee { address, protocol: Protocol::Http }) })
    }

    fn protocol<'a>(&'a self, _: &'a PoolId) -> seaworthy_engine::ProtocolFuture<'a> {
        Box::pin(async { Ok(Protocol::Http) })
    }

    fn opened(&self) -> seaworthy_engine::OpenedFuture<'_> {
        Box::pin(async { Ok(()) })
    }
}
