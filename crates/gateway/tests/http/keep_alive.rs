//! Many requests on one connection.

use crate::support::instance::{Instance, ok};
use crate::support::{World, eventually, status};
use std::time::Duration;

#[tokio::test]
async fn connections_are_used_again_on_both_sides() {
    let instance = Instance::echoing().await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    for number in 0..50 {
        assert!(client.get(&format!("/{number}")).await.ends_with(&format!("\r\n\r\n/{number}")));
    }
    assert_eq!(instance.accepted(), 1);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let instance = Instance::start(|mut stream, _| async move {
        use tokio::io::AsyncWriteExt as _;
        let mut waiting = Vec::new();
        while let Some(request) = crate::support::instance::receive(&mut stream, &mut waiting).await {
            if request.target() == "/slow" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            let _ = stream.write_all(ok(request.target()).as_bytes()).await;
        }
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n");
    let post = "POST /post HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nGET\r\n0\r\n\r\n";
    client
        .send([&get("/slow"), post, &get("/2"), &get("/unknown").replace("Host: a", "Host: b"), &get("/3")].concat())
        .await;
    for target in ["/slow", "/post", "/2"] {
        assert!(client.answer().await.ends_with(&format!("\r\n\r\n{target}")));
    }
    assert_eq!(status(&client.answer().await), 404);
    assert!(client.answer().await.ends_with("\r\n\r\n/3"));
}

#[tokio::test]
async fn a_connection_that_the_instance_closed_is_not_used_again() {
    let instance = Instance::start(|mut stream, requests| async move {
        use tokio::io::AsyncWriteExt as _;
        if let Some(request) = crate::support::instance::receive(&mut stream, &mut Vec::new()).await {
            requests.lock().expect("unpoisoned").push(request);
            let _ = stream.write_all(ok("hi").as_bytes()).await;
        }
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    for number in 0..40 {
        let method = if number % 2 == 0 { "GET" } else { "POST" };
        client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(status(&client.answer().await), 200, "request {number}");
        // The end of the connection is on its way before the next request is.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert_eq!(instance.received().len(), 40);
}

#[tokio::test]
async fn a_request_that_is_safe_survives_the_closing_of_its_connection() {
    // The instance takes the second request of each connection and closes, as one that is killed does.
    let instance = Instance::start(|mut stream, _| async move {
        use tokio::io::AsyncWriteExt as _;
        let mut waiting = Vec::new();
        if crate::support::instance::receive(&mut stream, &mut waiting).await.is_some() {
            let _ = stream.write_all(ok("hi").as_bytes()).await;
            let _ = crate::support::instance::receive(&mut stream, &mut waiting).await;
        }
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    for _ in 0..5 {
        assert_eq!(status(&client.get("/").await), 200);
    }
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(status(&client.answer().await), 200);
    // What is not idempotent is not sent twice.
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(status(&client.answer().await), 502);
}

#[tokio::test]
async fn a_gateway_that_ends_answers_what_it_began_and_says_so() {
    let instance = Instance::echoing().await;
    let world = World::new(&[instance.address]).await;
    let (mut busy, mut idle) = (world.connect().await, world.connect().await);
    assert!(!busy.get("/").await.contains("Connection: close"));
    idle.get("/").await;
    world.gateway.draining.cancel();
    assert!(busy.get("/").await.contains("\r\nConnection: close\r\n"));
    assert_eq!(busy.rest().await, "");
    assert_eq!(idle.rest().await, "");
}

#[tokio::test]
async fn an_answer_before_the_request_is_complete_comes_through() {
    let instance = Instance::start(|mut stream, _| async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno!").await;
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\nhello").await;
    let answer = client.answer().await;
    assert!(answer.starts_with("HTTP/1.1 413 Too Large") && answer.contains("Connection: close"), "{answer}");
    assert_eq!(client.rest().await, "");
}

#[tokio::test]
async fn the_end_of_a_client_ends_the_instance_s_work() {
    let instance = Instance::start(|mut stream, requests| async move {
        use tokio::io::AsyncReadExt as _;
        let request = crate::support::instance::receive(&mut stream, &mut Vec::new()).await.expect("a request");
        // Returns when the gateway closes.
        let _ = stream.read(&mut [0]).await;
        requests.lock().expect("unpoisoned").push(request);
    })
    .await;
    let world = World::new(&[instance.address]).await;
    let mut client = world.connect().await;
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    eventually("the request arrives", || instance.accepted() == 1).await;
    drop(client);
    eventually("the instance's connection ends", || instance.received().len() == 1).await;
}
