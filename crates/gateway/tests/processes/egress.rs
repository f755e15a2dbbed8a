//! Connections to the world outside.

use crate::instances::Instance;
use crate::load::ask;
use crate::world::{World, until};
use seaworthy_model::routing::Purpose;
use seaworthy_model::service::Egress;
use std::io::Write as _;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

fn to(to: &str, private: bool, node: bool) -> Egress {
    Egress { to: to.to_owned(), private, node }
}

async fn direct(world: &mut World, id: &str, egress: Egress) -> SocketAddr {
    world.listen(id, Purpose::Egress { caller: "a/e/shop".to_owned(), to: vec![egress], proxy: false }).await
}

/// What a proxy answers to a `CONNECT`, then what comes through for `question`.
async fn through(proxy: SocketAddr, target: &str, question: &str) -> (String, String) {
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    // All at once, as a client that is in a hurry does.
    let head = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n{question}");
    stream.write_all(head.as_bytes()).await.unwrap();
    let _ = stream.shutdown().await;
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    (head.lines().next().unwrap_or_default().to_owned(), body.to_owned())
}

#[tokio::test]
async fn this_machine_is_reached_by_those_who_declared_it_and_by_nobody_else() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("out:").await;
    let port = parrot.address.port();
    let allowed = direct(&mut world, "allowed", to(&format!("localhost:{port}"), false, true)).await;
    let by_address = direct(&mut world, "by-address", to(&format!("127.0.0.1:{port}"), false, true)).await;
    // A name that turns to 127.0.0.1, whatever else is allowed; and its many disguises.
    let mut refused = Vec::new();
    for (number, host) in
        ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1", "0x7f.1"].iter().enumerate()
    {
        let egress = to(&format!("{host}:{port}"), true, false);
        refused.push(direct(&mut world, &format!("refused-{number}"), egress).await);
    }
    world.apply().await;
    assert_eq!(ask(allowed, "hello").await.unwrap(), "out:hello");
    assert_eq!(ask(by_address, "hello").await.unwrap(), "out:hello");
    for address in &refused {
        let answer = ask(*address, "hello").await;
        assert!(!matches!(&answer, Ok(answer) if !answer.is_empty()), "{answer:?}");
    }
    assert_eq!(parrot.accepted.load(std::sync::atomic::Ordering::SeqCst), 2);
    let refusals = world.client.refusals().await.unwrap();
    let localhost = refusals.iter().find(|refusal| refusal.to == format!("localhost:{port}")).unwrap();
    assert_eq!(localhost.caller, "a/e/shop");
    assert_eq!(localhost.why, "its address is this machine's own");
    assert_eq!(localhost.add, Some(format!("egress = [{{ to = \"localhost:{port}\", node = true }}]")));
    assert!(world.client.refusals().await.unwrap().is_empty(), "each is told once");
    let log = world.state("access.log");
    until("it is in the log", async || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.lines().any(|line| line.contains("\"reason\":\"egress-node\"") && line.contains("\"caller\":\"a/e/shop\""))
    })
    .await;
}

#[tokio::test]
async fn metadata_services_are_out_of_reach_whatever_is_declared() {
    let mut world = World::start().await;
    let mut addresses = Vec::new();
    let hosts =
        ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]", "[64:ff9b::169.254.169.254]", "[fd00:ec2::254]"];
    for (number, host) in hosts.iter().enumerate() {
        let egress = to(&format!("{host}:80"), true, true);
        addresses.push(direct(&mut world, &format!("metadata-{number}"), egress).await);
    }
    world.apply().await;
    for address in addresses {
        assert!(ask(address, "GET / HTTP/1.0\r\n\r\n").await.map_or(true, |answer| answer.is_empty()));
    }
    let refusals = world.client.refusals().await.unwrap();
    assert_eq!(refusals.len(), hosts.len(), "{refusals:?}");
    assert!(refusals.iter().all(|refusal| refusal.add.is_none()), "there is no line that would allow it");
}

#[tokio::test]
async fn the_nodes_own_addresses_are_the_node() {
    let own = seaworthy_gateway::egress::own_addresses();
    let Some(own) = own.iter().find(|address| address.is_ipv4() && !address.is_loopback()) else {
        let _ = writeln!(std::io::stderr(), "skipped: this machine has no address but its loopback");
        return;
    };
    let mut world = World::start().await;
    let refused = direct(&mut world, "own", to(&format!("{own}:22"), true, false)).await;
    world.apply().await;
    assert!(ask(refused, "hello").await.map_or(true, |answer| answer.is_empty()));
    assert_eq!(world.client.refusals().await.unwrap()[0].why, "its address is this machine's own");
}

#[tokio::test]
async fn a_proxy_connects_to_what_was_declared_and_says_no_in_words() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("out:").await;
    let port = parrot.address.port();
    let declared =
        vec![to(&format!("*.localhost:{port}"), false, false), to(&format!("localhost:{port}"), false, true)];
    let purpose = Purpose::Egress { caller: "a/e/shop".to_owned(), to: declared, proxy: true };
    let proxy = world.listen("proxy", purpose).await;
    world.apply().await;
    let answer = through(proxy, &format!("localhost:{port}"), "hello").await;
    assert_eq!(answer, ("HTTP/1.1 200 Connection established".to_owned(), "out:hello".to_owned()));
    let (status, why) = through(proxy, "example.com:443", "").await;
    assert_eq!(status, "HTTP/1.1 403 Refused");
    let expected = "example.com:443 is out of reach: it is not declared in `egress`; add `egress = [\"example.com:443\"]` \
        to the service\n";
    assert_eq!(why, expected);
    // The star does not carry what was said of the name without it.
    let (status, _) = through(proxy, &format!("a.localhost:{port}"), "").await;
    assert!(status.starts_with("HTTP/1.1 403") || status.starts_with("HTTP/1.1 502"), "{status}");
    let mut stream = TcpStream::connect(proxy).await.unwrap();
    stream.write_all(b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
}

#[tokio::test]
async fn nobody_there_is_an_end_and_not_a_wait() {
    let mut world = World::start().await;
    let nobody = crate::instances::nobody();
    let address = direct(&mut world, "nobody", to(&nobody.to_string(), false, true)).await;
    let unknown = direct(&mut world, "unknown", to("no-such-host.invalid:80", false, true)).await;
    world.apply().await;
    for address in [address, unknown] {
        assert!(ask(address, "hello").await.map_or(true, |answer| answer.is_empty()));
    }
    assert!(world.client.refusals().await.unwrap().is_empty(), "the world refused, not the gateway");
}
