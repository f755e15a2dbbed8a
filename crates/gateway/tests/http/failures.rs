//! Instances that are dead, die, or do not answer.

use crate::support::instance::{Instance, ok, receive};
use crate::support::{World, eventually, status};
use seaworthy_gateway::limits::Limits;
use seaworthy_model::release::RouteLimits;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

fn nobody() -> SocketAddr {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    socket.local_addr().expect("bound")
}

#[tokio::test]
async fn an_instance_that_refuses_connections_fails_no_request() {
    let alive = Instance::echoing().await;
    let world = World::new(&[nobody(), alive.address, nobody()]).await;
    for method in ["GET", "POST", "PATCH"] {
        let mut client = world.connect().await;
        for _ in 0..5 {
            client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")).await;
            assert_eq!(status(&client.answer().await), 200, "{method}");
        }
    }
    assert!(alive.received().iter().all(|request| request.body == b"hi"));
}

#[tokio::test]
async fn an_instance_that_is_killed_fails_no_idempotent_request() {
    let dying = Instance::start(|mut stream, requests| async move {
        let request = receive(&mut stream, &mut Vec::new()).await.expect("a request");
        requests.lock().expect("unpoisoned").push(request);
    })
    .await;
    let alive = Instance::echoing().await;
    let world = World::new(&[dying.address, alive.address]).await;
    for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
        let mut client = world.connect().await;
        for _ in 0..4 {
            client.send(format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi")).await;
            assert_eq!(status(&client.answer().await), 200, "{method}");
        }
    }
    assert!(!dying.received().is_empty());
    // What is not idempotent reaches one instance, once.
    let before = dying.received().len() + alive.received().len();
    for _ in 0..4 {
        world.talk("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi").await;
    }
    assert_eq!(dying.received().len() + alive.received().len(), before + 4);
}

#[tokio::test]
async fn the_only_instance_may_start_again() {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = socket.local_addr().expect("bound");
    drop(socket);
    let world = World::new(&[address]).await;
    let mut client = world.connect().await;
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let socket = tokio::net::TcpListener::bind(address).await.expect("the port is free again");
    tokio::spawn(async move {
        let (mut stream, _) = socket.accept().await.expect("a connection");
        receive(&mut stream, &mut Vec::new()).await;
        let _ = stream.write_all(ok("back").as_bytes()).await;
    });
    assert!(client.answer().await.ends_with("back"));
}

#[tokio::test]
async fn without_an_instance_the_answer_says_so() {
    let limits = || Limits { retry_patience: Duration::from_millis(50), ..Limits::default() };
    let world = World::with(&[], limits(), RouteLimits::default()).await;
    let answer = world.talk("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n") && answer.contains("\r\nRetry-After: 1\r\n"));
    assert!(answer.ends_with("\r\n\r\n503 no instance of the service is running\n"), "{answer}");
    let world = World::with(&[nobody()], limits(), RouteLimits::default()).await;
    let answer = world.talk("GET / HTTP/1.1\r\nHost: a\r\nAccept: application/json\r\nConnection: close\r\n\r\n").await;
    assert!(
        answer.ends_with("{\"status\":502,\"error\":\"no instance of the service accepts connections\"}\n"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_instance_that_says_nothing_is_not_waited_for_forever() {
    let silent = Instance::answering(|_| Some(String::new())).await;
    let route = RouteLimits { timeout: Some(Duration::from_millis(100)), ..RouteLimits::default() };
    let world = World::with(&[silent.address], Limits::default(), route).await;
    let mut client = world.connect().await;
    assert_eq!(status(&client.get("/").await), 504);
    // The request was carried out, or not: it is not sent again.
    assert_eq!(silent.received().len(), 1);
    assert_eq!(status(&client.get("/").await), 504);
}

#[tokio::test]
async fn an_instance_that_falls_silent_is_given_up() {
    let silent = Instance::saying("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello").await;
    let stall = Duration::from_millis(100);
    let limits = Limits { answer_stall_timeout: stall, write_stall_timeout: stall, ..Limits::default() };
    let world = World::with(&[silent.address], limits, RouteLimits::default()).await;
    assert!(world.talk("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.ends_with("hello"));
}

#[tokio::test]
async fn requests_survive_any_moment_of_a_kill() {
    let (first, second) = (Instance::echoing().await, Instance::echoing().await);
    let world = World::new(&[first.address, second.address]).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        let mut client = world.connect().await;
        clients.push(tokio::spawn(async move {
            for number in 0..200 {
                assert_eq!(status(&client.get(&format!("/{number}")).await), 200);
            }
        }));
    }
    for _ in 0..20 {
        first.hang_up();
        tokio::time::sleep(Duration::from_millis(3)).await;
        second.hang_up();
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    for client in clients {
        client.await.expect("no request failed");
    }
    eventually("both served", || !first.received().is_empty() && !second.received().is_empty()).await;
}
