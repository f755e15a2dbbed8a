//! Limits and timeouts of what clients send.

use crate::support::instance::Instance;
use crate::support::{World, status, within};
use seaworthy_gateway::limits::Limits;
use seaworthy_model::release::RouteLimits;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

#[tokio::test]
async fn bodies_have_a_largest_size() {
    let instance = Instance::echoing().await;
    let route = RouteLimits { body_bytes_max: Some(10), ..RouteLimits::default() };
    let world = World::with(&[instance.address], Limits::default(), route).await;
    let post = |rest: &str| format!("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{rest}");
    assert_eq!(status(&world.talk(post("Content-Length: 10\r\n\r\n0123456789")).await), 200);
    assert_eq!(status(&world.talk(post("Content-Length: 11\r\n\r\n0123456789!")).await), 413);
    let chunked = "Transfer-Encoding: chunked\r\n\r\n6\r\n012345\r\n";
    assert_eq!(status(&world.talk(post(&format!("{chunked}4\r\n6789\r\n0\r\n\r\n"))).await), 200);
    assert_eq!(status(&world.talk(post(&format!("{chunked}5\r\n6789!\r\n0\r\n\r\n"))).await), 413);
    assert_eq!(instance.received().len(), 2);
}

#[tokio::test]
async fn heads_have_a_largest_size() {
    let instance = Instance::echoing().await;
    let world = World::new(&[instance.address]).await;
    let get =
        |target: &str, fields: &str| format!("GET /{target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{fields}\r\n");
    assert_eq!(status(&world.talk(get(&"x".repeat(24_000), "")).await), 200);
    assert_eq!(status(&world.talk(get(&"x".repeat(60_000), "")).await), 414);
    assert_eq!(status(&world.talk(get(&"x".repeat(600_000), "")).await), 414);
    assert_eq!(status(&world.talk(get("", &format!("X: {}\r\n", "y".repeat(70_000)))).await), 431);
    assert_eq!(status(&world.talk(get("", &"X: y\r\n".repeat(200))).await), 431);
    assert_eq!(status(&world.talk(get("", &"X: y\r\n".repeat(100))).await), 200);
}

#[tokio::test]
async fn what_does_not_come_is_not_waited_for() {
    let instance = Instance::answering(|_| None).await;
    let short = Duration::from_millis(80);
    let limits = Limits { head_timeout: short, idle_timeout: short, body_stall_timeout: short, ..Limits::default() };
    let world = World::with(&[instance.address], limits, RouteLimits::default()).await;
    assert_eq!(world.talk("").await, "", "nothing at all");
    assert_eq!(status(&world.talk("GET / HT").await), 408, "half a head");
    let half = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe";
    assert_eq!(status(&world.talk(half).await), 408, "half a body");
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_given_up() {
    let instance = Instance::start(|mut stream, requests| async move {
        use tokio::io::AsyncWriteExt as _;
        let request = crate::support::instance::receive(&mut stream, &mut Vec::new()).await.expect("a request");
        let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n";
        stream.write_all(head).await.expect("the gateway reads");
        while stream.write_all(&[b'x'; 100_000]).await.is_ok() {}
        requests.lock().expect("unpoisoned").push(request);
    })
    .await;
    let limits = Limits { write_stall_timeout: Duration::from_millis(200), ..Limits::default() };
    let world = World::with(&[instance.address], limits, RouteLimits::default()).await;
    let mut client = world.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    crate::support::eventually("the instance is released", || instance.received().len() == 1).await;
    let mut bytes = Vec::new();
    let _ = within(client.0.read_to_end(&mut bytes)).await;
    assert!(bytes.len() < 1_000_000_000);
}

#[tokio::test]
async fn a_connection_carries_only_so_many_requests() {
    let instance = Instance::echoing().await;
    let limits = Limits { requests_per_connection_max: 2, ..Limits::default() };
    let world = World::with(&[instance.address], limits, RouteLimits::default()).await;
    let mut client = world.connect().await;
    assert!(!client.get("/").await.contains("Connection: close"));
    assert!(client.get("/").await.contains("Connection: close"));
    assert_eq!(client.rest().await, "");
}
