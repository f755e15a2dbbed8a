//! Connections that are forwarded as bytes.

use crate::instances::{Instance, nobody};
use crate::load::{Load, ask};
use crate::world::{DEADLINE, World, until};
use seaworthy_model::service::Protocol;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn each_direction_ends_on_its_own() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("parrot:").await;
    let address = world.listen_for("parrot").await;
    world.pool("parrot", Protocol::Tcp, &[parrot.address]);
    world.apply().await;
    // The answer comes after the client has ended its own direction.
    let question = "x".repeat(1 << 20);
    assert_eq!(ask(address, &question).await.unwrap(), format!("parrot:{question}"));
    let counts = &world.client.counters().await.unwrap()["parrot"];
    assert_eq!((counts.requests, counts.errors), (1, 0));
}

#[tokio::test]
async fn who_does_not_read_is_not_read_for() {
    let mut world = World::start().await;
    let size = 64 << 20;
    let flood = Instance::flood(size).await;
    let address = world.listen_for("flood").await;
    world.pool("flood", Protocol::Tcp, &[flood.address]);
    world.apply().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.readable().await.unwrap();
    let before = world.client.status().await.unwrap().memory_bytes.unwrap();
    assert!(before < 60 << 20, "{before} bytes of memory while nobody reads");
    let read = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap();
    assert_eq!(read, size as u64);
}

#[tokio::test]
async fn another_instance_takes_what_the_first_does_not_accept() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("").await;
    let address = world.listen_for("half-dead").await;
    world.pool("half-dead", Protocol::Tcp, &[nobody(), parrot.address, nobody()]);
    world.apply().await;
    for turn in 0..20 {
        let question = turn.to_string();
        assert_eq!(ask(address, &question).await.unwrap(), question);
    }
    world.pool("half-dead", Protocol::Tcp, &[nobody()]);
    world.apply().await;
    assert!(ask(address, "x").await.map_or(true, |answer| answer.is_empty()));
    let counts = &world.client.counters().await.unwrap()["half-dead"];
    assert_eq!((counts.requests, counts.errors, counts.in_flight), (21, 1, 0));
}

#[tokio::test]
async fn what_is_held_goes_to_whoever_is_there_when_it_is_released() {
    let mut world = World::start().await;
    let (old, new) = (Instance::parrot("old").await, Instance::parrot("new").await);
    let address = world.listen_for("old").await;
    world.pool("old", Protocol::Tcp, &[old.address]);
    world.apply().await;
    let load = Load::start(address, 8);
    load.more(50).await;

    world.pool("old", Protocol::Tcp, &[old.address]).held = Some(DEADLINE);
    world.apply().await;
    assert_eq!(world.client.drained(&["old".to_owned()], DEADLINE).await.unwrap(), 0);
    let accepted = old.accepted.load(Ordering::Relaxed);
    drop(old);
    // While they are held, the pool is replaced, as `update = "replace"` does.
    let held: Vec<_> = (0..8).map(|turn| tokio::spawn(async move { ask(address, &turn.to_string()).await })).collect();
    until("connections wait", async || world.client.status().await.unwrap().connections >= 16).await;
    assert!(accepted > 0);

    world.table.pools.clear();
    world.pool("new", Protocol::Tcp, &[new.address]);
    let purpose = seaworthy_model::routing::Purpose::Internal { pool: "new".to_owned(), caller: None };
    world.table.listeners.get_mut("to-old").unwrap().purpose = purpose;
    world.apply().await;
    for (turn, held) in held.into_iter().enumerate() {
        assert_eq!(held.await.unwrap().unwrap(), format!("new{turn}"));
    }
    load.more(50).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
}

#[tokio::test]
async fn who_is_held_too_long_is_let_go() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("").await;
    let address = world.listen_for("held").await;
    world.pool("held", Protocol::Tcp, &[parrot.address]).held = Some(Duration::from_millis(100));
    world.apply().await;
    let started = Instant::now();
    assert!(ask(address, "x").await.map_or(true, |answer| answer.is_empty()));
    assert!(started.elapsed() >= Duration::from_millis(100));
    let counts = &world.client.counters().await.unwrap()["held"];
    assert_eq!((counts.requests, counts.errors), (1, 1));
    assert_eq!(parrot.accepted.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn draining_waits_and_then_closes_politely() {
    let mut world = World::start().await;
    let echo = Instance::echo().await;
    let address = world.listen_for("echo").await;
    world.pool("echo", Protocol::Tcp, &[echo.address]);
    world.apply().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"before").await.unwrap();
    let mut answer = [0; 6];
    stream.read_exact(&mut answer).await.unwrap();

    world.table.listeners.clear();
    world.table.pools.clear();
    world.apply().await;
    let counts = world.client.counters().await.unwrap();
    assert_eq!(counts["echo"].in_flight, 1, "a pool that left the table is known until it is empty");
    // It goes on while it drains.
    stream.write_all(b"during").await.unwrap();
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"during");

    let left = world.client.drained(&["echo".to_owned()], Duration::from_millis(50)).await.unwrap();
    assert_eq!(left, 0);
    assert_eq!(stream.read(&mut answer).await.unwrap(), 0, "an end, not a reset");
    until("the pool is forgotten", async || world.client.counters().await.unwrap().is_empty()).await;
}

#[tokio::test]
async fn what_outlives_its_drain_time_is_closed_although_nobody_asks() {
    let mut world = World::start().await;
    let echo = Instance::echo().await;
    let address = world.listen_for("echo").await;
    world.pool("echo", Protocol::Tcp, &[echo.address]).drain = Duration::from_millis(300);
    world.apply().await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"x").await.unwrap();
    stream.read_u8().await.unwrap();
    world.table.listeners.clear();
    world.apply().await;
    let end = tokio::time::timeout(DEADLINE, stream.read_u8()).await.expect("closed in time");
    assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
}
