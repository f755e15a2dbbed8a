//! Requests through the processes.

use crate::http_client::HttpClient;
use crate::instances::Instance;
use crate::load::Load;
use crate::world::{DEADLINE, World, until};
use seaworthy_model::routing::{ListenAddress, Listener, Purpose};
use seaworthy_model::service::Protocol;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// A gateway with one route and two variants, and an instance for each.
async fn two_variants(weight: u8) -> (World, std::net::SocketAddr, [Instance; 2]) {
    let mut world = World::start().await;
    let instances = [Instance::http("old", Duration::ZERO).await, Instance::http("new", Duration::ZERO).await];
    let address = world.listen_publicly().await;
    world.pool("old", Protocol::Http, &[instances[0].address]);
    world.pool("new", Protocol::Http, &[instances[1].address]);
    world.route(&[("1", 100 - weight, "old"), ("2", weight, "new")]);
    world.apply().await;
    (world, address, instances)
}

#[tokio::test]
async fn connections_are_spread_by_weight_and_stay_where_they_are() {
    let (_world, address, _instances) = two_variants(10).await;
    let mut drawn = BTreeMap::new();
    for _ in 0..1000 {
        let mut client = HttpClient::connect(address).await.unwrap();
        let (_, first) = client.get("/").await.unwrap();
        assert_eq!(client.get("/again").await.unwrap(), (200, first.clone()));
        *drawn.entry(first).or_insert(0) += 1;
    }
    // 100 expected, with a standard deviation of 9.5: six of them on either side.
    let new = drawn.get("new").copied().unwrap_or(0);
    assert!((43..=157).contains(&new), "{drawn:?}");
}

#[tokio::test]
async fn tables_change_under_load_without_a_loss() {
    let (mut world, address, _instances) = two_variants(0).await;
    let load = Load::http(address, 8, &["old", "new"]);
    for turn in 0..60 {
        let weight = [0, 50, 100][turn % 3];
        world.route(&[("1", 100 - weight, "old"), ("2", weight, "new")]);
        world.apply().await;
        load.more(20).await;
    }
    // In the end everything is new, also on the connections that had drawn the old one.
    world.route(&[("2", 100, "new")]);
    world.table.pools.remove("old");
    world.apply().await;
    assert_eq!(world.client.drained(&["old".to_owned()], DEADLINE).await.unwrap(), 0);
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
}

#[tokio::test]
async fn a_killed_worker_loses_only_what_was_in_flight_in_it() {
    let (world, address, _instances) = two_variants(0).await;
    let clients = 8;
    let load = Load::http(address, clients, &["old"]);
    for _ in 0..4 {
        load.more(200).await;
        world.kill_worker().await;
    }
    load.more(200).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.wrong), (0, 0), "{result:?}");
    assert!(result.broken <= 4 * clients as u64, "{result:?}");
}

#[tokio::test]
async fn another_worker_takes_over_without_a_loss() {
    let (world, address, _instances) = two_variants(0).await;
    let load = Load::http(address, 8, &["old"]);
    for _ in 0..3 {
        load.more(200).await;
        world.client.restart_worker(None).await.unwrap();
    }
    load.more(200).await;
    let result = load.stop().await;
    // Not even a connection that is about to be used again: its next answer says that it ends.
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
    until("the old workers have ended", async || world.client.parent_status().await.unwrap().draining.is_empty()).await;
}

#[tokio::test]
async fn requests_are_held_while_a_service_changes_over() {
    let (mut world, address, _instances) = two_variants(0).await;
    let load = Load::http(address, 8, &["old", "new"]);
    load.more(100).await;
    world.table.pools.get_mut("old").unwrap().held = Some(DEADLINE);
    world.apply().await;
    assert_eq!(world.client.drained(&["old".to_owned()], DEADLINE).await.unwrap(), 0);
    assert_eq!(world.client.counters().await.unwrap()["old"].in_flight, 0);
    world.route(&[("2", 100, "new")]);
    world.table.pools.remove("old");
    world.apply().await;
    load.more(100).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
}

#[tokio::test]
async fn draining_waits_for_requests() {
    let mut world = World::start().await;
    let slow = Instance::http("slow", Duration::from_millis(400)).await;
    let address = world.listen_publicly().await;
    world.pool("slow", Protocol::Http, &[slow.address]);
    world.route(&[("1", 100, "slow")]);
    world.apply().await;
    let asked = tokio::spawn(async move { HttpClient::connect(address).await.unwrap().get("/").await });
    until("it is in flight", async || world.client.counters().await.unwrap()["slow"].in_flight == 1).await;
    world.table.routes.clear();
    world.table.pools.clear();
    world.apply().await;
    assert_eq!(world.client.drained(&["slow".to_owned()], DEADLINE).await.unwrap(), 0);
    assert!(asked.is_finished() || asked.await.unwrap().unwrap() == (200, "slow".to_owned()));
}

#[tokio::test]
async fn answers_that_outlive_the_drain_end_with_their_connection() {
    let mut world = World::start().await;
    // One never answers, one never stops.
    let silent = Instance::serve(|mut stream| async move {
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    });
    let endless = Instance::serve(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let address = world.listen_publicly().await;
    for (instance, expected) in [(silent.await, Ok(504)), (endless.await, Err(std::io::ErrorKind::UnexpectedEof))] {
        world.pool("long", Protocol::Http, &[instance.address]);
        world.route(&[("1", 100, "long")]);
        world.apply().await;
        let asked = tokio::spawn(async move { HttpClient::connect(address).await.unwrap().get("/").await });
        until("it is in flight", async || world.client.counters().await.unwrap()["long"].in_flight == 1).await;
        world.table.routes.clear();
        world.table.pools.clear();
        world.apply().await;
        assert_eq!(world.client.drained(&["long".to_owned()], Duration::from_millis(50)).await.unwrap(), 0);
        let answer = asked.await.unwrap().map(|(status, _)| status).map_err(|error| error.kind());
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_pinned_socket_reaches_the_candidate_before_any_user_does() {
    let (mut world, address, _instances) = two_variants(0).await;
    let path = world.state("checks.sock");
    let socket = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let listen_address = ListenAddress::Unix(path.clone());
    world.client.listen("checks", &listen_address, socket.into()).await.unwrap();
    let purpose = Purpose::Pinned { group: "group".to_owned(), variant: "2".to_owned() };
    world.table.listeners.insert("checks".to_owned(), Listener { address: listen_address, purpose });
    // Users may be held meanwhile; the checks look at what is to be released.
    world.table.pools.get_mut("new").unwrap().held = Some(DEADLINE);
    world.apply().await;
    for _ in 0..20 {
        let mut checks = HttpClient::connect_unix(&path).await.unwrap();
        assert_eq!(checks.get("/").await.unwrap(), (200, "new".to_owned()));
        let mut user = HttpClient::connect(address).await.unwrap();
        let spoofed = format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Seaworthy-Variant: 2\r\n\r\n", crate::world::HOST);
        assert_eq!(user.ask(&spoofed).await.unwrap(), (200, "old".to_owned()));
    }
}

#[tokio::test]
async fn every_request_is_counted_and_logged() {
    let (world, address, _instances) = two_variants(0).await;
    let mut client = HttpClient::connect(address).await.unwrap();
    for turn in 0..50 {
        assert_eq!(client.get(&format!("/{turn}")).await.unwrap().0, 200);
    }
    assert_eq!(client.ask("GET / HTTP/1.1\r\nHost: nobody.test\r\n\r\n").await.unwrap().0, 404);
    until("they are counted", async || world.client.counters().await.unwrap()["old"].requests == 50).await;
    let log = world.state("access.log");
    until("they are logged", async || std::fs::read_to_string(&log).unwrap().lines().count() == 51).await;
    let lines = std::fs::read_to_string(&log).unwrap();
    let line: serde_json::Value = serde_json::from_str(lines.lines().nth(7).unwrap()).unwrap();
    assert_eq!((&line["target"], &line["pool"], &line["status"]), (&"/7".into(), &"old".into(), &200.into()));
    assert_eq!(world.client.status().await.unwrap().log_lines_dropped, 0);
}
