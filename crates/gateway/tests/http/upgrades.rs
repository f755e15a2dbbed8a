//! Connections that become something else.

use crate::support::instance::Instance;
use crate::support::{World, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nfirst";

async fn parrot() -> Instance {
    Instance::start(|mut stream, requests| async move {
        let request = crate::support::instance::receive(&mut stream, &mut Vec::new()).await.expect("a request");
        requests.lock().expect("unpoisoned").push(request);
        let _ = stream.write_all(SWITCH).await;
        let (mut reader, mut writer) = stream.split();
        let _ = tokio::io::copy(&mut reader, &mut writer).await;
        // The other direction has ended: this one has something more to say.
        let _ = writer.write_all(b"last").await;
    })
    .await
}

#[tokio::test]
async fn bytes_pass_both_ways_and_each_way_ends_by_itself() {
    let instance = parrot().await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\nSec-WebSocket-Key: x\r\n\r\nearly").await;
    let head = client.head().await;
    assert!(head.starts_with("HTTP/1.1 101 ") && head.contains("\r\nUpgrade: websocket\r\n"), "{head}");
    assert_eq!(client.exactly(10).await, "firstearly");
    client.send("hello").await;
    assert_eq!(client.exactly(5).await, "hello");
    within(client.0.shutdown()).await.expect("open");
    assert_eq!(client.rest().await, "last");
    let received = instance.received().remove(0);
    assert!(
        received.has("Connection: Upgrade")
            && received.has("Upgrade: WebSocket")
            && received.has("Sec-WebSocket-Key: x")
    );
}

#[tokio::test]
async fn a_tunnel_ends_with_its_instance() {
    let instance = parrot().await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
    client.head().await;
    instance.hang_up();
    let mut rest = Vec::new();
    let _ = within(client.0.read_to_end(&mut rest)).await;
    assert!(b"first".starts_with(&rest));
}

#[tokio::test]
async fn an_instance_may_decline() {
    let instance = Instance::echoing().await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    for _ in 0..2 {
        client.send("GET /x HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n").await;
        assert!(client.answer().await.ends_with("/x"));
    }
}

#[tokio::test]
async fn nothing_switches_that_was_not_asked_to() {
    let instance = parrot().await;
    let world = World::new(&[instance.address]).await;
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: chat\r\nConnection: upgrade, close\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: upgrade, close\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    ] {
        let answer = world.talk(request).await;
        assert!(answer.starts_with("HTTP/1.1 502 ") && !answer.contains("first"), "{answer}");
    }
}
