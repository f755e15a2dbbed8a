//! Workers and parents that die.

use crate::instances::Instance;
use crate::load::{Load, ask};
use crate::world::{World, kill, until};
use seaworthy_gateway::control::{ControlError, Refusal, RefusalCode};
use seaworthy_model::service::Protocol;

#[tokio::test]
async fn a_killed_worker_refuses_no_connection() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("").await;
    let address = world.listen_for("parrot").await;
    world.pool("parrot", Protocol::Tcp, &[parrot.address]);
    world.apply().await;
    let (clients, kills) = (8, 5);
    let load = Load::start(address, clients);
    for _ in 0..kills {
        load.more(100).await;
        world.kill_worker().await;
    }
    load.more(100).await;
    let result = load.stop().await;
    // Only what was in flight in a killed worker: of every client one exchange at the most.
    assert_eq!((result.refused, result.wrong), (0, 0), "{result:?}");
    assert!(result.broken <= (clients * kills) as u64, "{result:?}");
    assert_eq!(world.client.parent_status().await.unwrap().restarts, kills as u64);
    assert_eq!(world.client.status().await.unwrap().generation, 1, "the table was kept");
}

#[tokio::test]
async fn it_serves_by_its_last_table_whatever_became_of_the_file() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("").await;
    let address = world.listen_for("parrot").await;
    world.pool("parrot", Protocol::Tcp, &[parrot.address]);
    world.apply().await;
    seaworthy_host::files::write_atomic(&world.state("table.json"), b"{\"format\":1,", 0o600).unwrap();
    assert_eq!(ask(address, "x").await.unwrap(), "x");
    world.kill_worker().await;
    assert_eq!(world.client.status().await.unwrap().generation, 0);
    assert!(world.state("table.json.unreadable").exists());
    let log = std::fs::read_to_string(world.state("gateway.log")).unwrap();
    assert!(log.contains("starting without routes"), "{log}");
    // A connection that came meanwhile waits for the table that the node applies.
    let waiting = tokio::spawn(async move { ask(address, "waited").await });
    world.apply().await;
    assert_eq!(waiting.await.unwrap().unwrap(), "waited");
}

#[tokio::test]
async fn an_older_table_is_refused() {
    let mut world = World::start().await;
    world.apply().await;
    world.apply().await;
    world.client.apply(&world.table).await.expect("the same again");
    world.table.generation -= 1;
    let refused = world.client.apply(&world.table).await.unwrap_err();
    let ControlError::Refused(Refusal { code, message }) = refused else { panic!("{refused:?}") };
    assert_eq!(code, RefusalCode::Stale);
    assert_eq!(message, "the table of generation 1 is older than the current one, 2");
    world.table.format += 1;
    world.table.generation += 9;
    let refused = world.client.apply(&world.table).await.unwrap_err();
    assert!(matches!(refused, ControlError::Refused(Refusal { code: RefusalCode::NotUnderstood, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_table_that_cannot_be_kept_is_not_followed() {
    let mut world = World::start().await;
    world.apply().await;
    // A folder of that name cannot be replaced by a file, whoever tries.
    std::fs::remove_file(world.state("table.json")).unwrap();
    std::fs::create_dir(world.state("table.json")).unwrap();
    world.table.generation += 1;
    let refused = world.client.apply(&world.table).await.unwrap_err();
    assert!(matches!(refused, ControlError::Refused(Refusal { code: RefusalCode::NotKept, .. })), "{refused:?}");
    assert_eq!(world.client.status().await.unwrap().generation, 1);
}

#[tokio::test]
async fn a_killed_parent_stops_nothing_and_the_next_one_takes_over() {
    let mut world = World::start().await;
    let parrot = Instance::parrot("").await;
    let address = world.listen_for("parrot").await;
    world.pool("parrot", Protocol::Tcp, &[parrot.address]);
    world.apply().await;
    let orphan = world.worker_pid().await;
    let load = Load::start(address, 4);
    load.more(50).await;
    let parent = world.client.parent_status().await.unwrap().pid;
    kill(parent);
    load.more(50).await;
    until("the parent is gone", async || world.client.parent_status().await.is_err()).await;
    world.start_again().await;
    assert_eq!(world.client.listeners().await.unwrap().keys().collect::<Vec<_>>(), ["to-parrot"]);
    load.more(50).await;
    until("the orphan has finished", async || seaworthy_host::process::start_time(orphan).is_none()).await;
    load.more(50).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
}

#[tokio::test]
async fn starting_twice_is_starting_once() {
    let mut world = World::start().await;
    let before = world.client.parent_status().await.unwrap().pid;
    world.start_again().await;
    assert_eq!(world.client.parent_status().await.unwrap().pid, before);
    // The parent is tiny; most of this is what every Rust program and this test harness bring.
    let bytes = seaworthy_host::process::memory_bytes(before).unwrap();
    assert!(bytes < 4 << 20, "{bytes} bytes of memory");
}

#[tokio::test]
async fn stopping_leaves_nothing() {
    let mut world = World::start().await;
    let address = world.listen_for("nobody").await;
    world.pool("nobody", Protocol::Tcp, &[]);
    world.apply().await;
    let pids = [world.client.parent_status().await.unwrap().pid, world.worker_pid().await];
    world.client.stop().await.unwrap();
    for pid in pids {
        until("the process is gone", async || seaworthy_host::process::start_time(pid).is_none()).await;
    }
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    assert!(world.client.status().await.unwrap_err().is_unreachable());
    world.client.stop().await.expect("no gateway is no error");
}
