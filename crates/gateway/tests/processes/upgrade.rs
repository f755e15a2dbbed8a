//! Another worker in the place of one that works.

use crate::instances::Instance;
use crate::load::Load;
use crate::world::{World, until};
use seaworthy_model::service::Protocol;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

#[tokio::test]
async fn nothing_is_lost_when_a_worker_succeeds_another() {
    let mut world = World::start().await;
    let (parrot, echo) = (Instance::parrot("").await, Instance::echo().await);
    let address = world.listen_for("parrot").await;
    let long_address = world.listen_for("echo").await;
    world.pool("parrot", Protocol::Tcp, &[parrot.address]);
    world.pool("echo", Protocol::Tcp, &[echo.address]);
    world.apply().await;
    let mut long = TcpStream::connect(long_address).await.unwrap();
    long.write_all(b"1").await.unwrap();
    assert_eq!(long.read_u8().await.unwrap(), b'1');
    let first = world.worker_pid().await;

    let load = Load::start(address, 8);
    for _ in 0..3 {
        load.more(100).await;
        let before = world.worker_pid().await;
        world.client.restart_worker(None).await.unwrap();
        assert_ne!(world.worker_pid().await, before);
    }
    load.more(100).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");

    // What the first one began goes on in it; then it ends.
    assert!(world.client.parent_status().await.unwrap().draining.contains(&first));
    long.write_all(b"2").await.unwrap();
    assert_eq!(long.read_u8().await.unwrap(), b'2');
    drop(long);
    until("the old workers have ended", async || world.client.parent_status().await.unwrap().draining.is_empty()).await;
    assert_eq!(world.client.parent_status().await.unwrap().restarts, 0);
}

#[tokio::test]
async fn a_successor_that_does_not_start_changes_nothing() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("").await;
    let address = world.listen_for("parrot").await;
    world.pool("parrot", Protocol::Tcp, &[parrot.address]);
    world.apply().await;
    let before = world.worker_pid().await;
    let missing = world.state("no-such-program");
    assert!(world.client.restart_worker(Some(missing)).await.is_err());
    assert!(world.client.restart_worker(Some("/bin/false".into())).await.is_err());
    assert_eq!(world.worker_pid().await, before);
    assert_eq!(crate::load::ask(address, "x").await.unwrap(), "x");
    world.client.restart_worker(None).await.expect("the next one is of the program that works");
}
