//! Instances in networks of their own.

use crate::http_client::HttpClient;
use crate::inside::{Inside, must_be_root};
use crate::instances::{Instance, nobody};
use crate::load::{Load, ask};
use crate::world::World;
use seaworthy_model::routing::{Endpoint, EndpointAddress, Purpose};
use seaworthy_model::service::Protocol;
use std::sync::atomic::Ordering;
use std::time::Duration;

fn endpoints(addresses: &[EndpointAddress]) -> Vec<Endpoint> {
    let endpoint =
        |(number, address): (usize, &EndpointAddress)| Endpoint { id: format!("i{number}"), address: address.clone() };
    addresses.iter().enumerate().map(endpoint).collect()
}

#[tokio::test]
async fn requests_go_inside_and_those_over_a_known_connection_ask_for_nothing() {
    must_be_root();
    let mut world = World::start().await;
    let (inside, listener) = Inside::start(8080, false);
    let instance = Instance::http_on(listener, "inside", Duration::ZERO);
    let address = world.listen_for("inside").await;
    world.pool("inside", Protocol::Http, &[]).endpoints = endpoints(&[inside.address()]);
    world.apply().await;
    let mut client = HttpClient::connect(address).await.unwrap();
    for _ in 0..200 {
        assert_eq!(client.get("/").await.unwrap(), (200, "inside".to_owned()));
    }
    assert_eq!(inside.asked.load(Ordering::SeqCst), 1, "two hundred requests asked for one connection");
    assert!(instance.accepted.load(Ordering::SeqCst) <= 2);
    // New connections are asked for by eights.
    let mut clients = Vec::new();
    for _ in 0..16 {
        clients.push(HttpClient::connect(address).await.unwrap());
    }
    let load = Load::http(address, 16, &["inside"]);
    load.more(2000).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
    let (asked, accepted) = (inside.asked.load(Ordering::SeqCst), instance.accepted.load(Ordering::SeqCst));
    assert!(asked <= 1 + accepted, "{asked} questions for {accepted} connections");
}

#[tokio::test]
async fn one_that_listens_on_the_other_loopback_is_found() {
    must_be_root();
    let mut world = World::start().await;
    let (inside, listener) = Inside::start(8080, true);
    let _instance = Instance::http_on(listener, "six", Duration::ZERO);
    let address = world.listen_for("six").await;
    world.pool("six", Protocol::Http, &[]).endpoints = endpoints(&[inside.address()]);
    world.apply().await;
    let load = Load::http(address, 4, &["six"]);
    load.more(200).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
}

#[tokio::test]
async fn nobody_at_the_entrance_is_a_connection_that_is_refused() {
    must_be_root();
    let mut world = World::start().await;
    let (gone, listener) = Inside::start(8080, false);
    drop(listener);
    let (here, listener) = Inside::start(8080, false);
    let _instance = Instance::http_on(listener, "here", Duration::ZERO);
    let address = world.listen_for("half").await;
    let other = EndpointAddress::from(nobody());
    world.pool("half", Protocol::Http, &[]).endpoints = endpoints(&[gone.address(), here.address(), other]);
    world.apply().await;
    let load = Load::http(address, 4, &["here"]);
    load.more(200).await;
    // First it listens on nothing, then it is not there at all.
    gone.end();
    load.more(200).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
}

#[tokio::test]
async fn an_instance_that_was_started_anew_has_another_network() {
    must_be_root();
    let mut world = World::start().await;
    let (inside, listener) = Inside::start(8080, false);
    let first = Instance::http_on(listener, "first", Duration::ZERO);
    let address = world.listen_for("inside").await;
    world.pool("inside", Protocol::Http, &[]).endpoints = endpoints(&[inside.address()]);
    world.apply().await;
    assert_eq!(HttpClient::connect(address).await.unwrap().get("/").await.unwrap().1, "first");
    drop(first);
    let _second = Instance::http_on(inside.renew(false), "second", Duration::ZERO);
    // Sockets of the network before are there still, and lead nowhere.
    let answer = HttpClient::connect(address).await.unwrap().get("/").await.unwrap();
    assert!(answer.1 == "second" || answer.1 == "first", "{answer:?}");
    let load = Load::http(address, 4, &["second", "first"]);
    load.more(100).await;
    let result = load.stop().await;
    assert_eq!((result.refused, result.broken, result.wrong), (0, 0, 0), "{result:?}");
}

#[tokio::test]
async fn bytes_go_inside_too_and_the_caller_is_counted() {
    must_be_root();
    let mut world = World::start().await;
    let (inside, listener) = Inside::start(5432, false);
    let _instance = Instance::parrot_on(listener, "parrot:");
    let purpose = Purpose::Internal { pool: "parrot".to_owned(), caller: Some("shop".to_owned()) };
    let address = world.listen("call", purpose).await;
    world.pool("parrot", Protocol::Tcp, &[]).endpoints = endpoints(&[inside.address()]);
    world.apply().await;
    for _ in 0..20 {
        assert_eq!(ask(address, "hello").await.unwrap(), "parrot:hello");
    }
    let counts = &world.client.counters().await.unwrap()["parrot"];
    assert_eq!((counts.requests, counts.errors, counts.callers["shop"].requests), (20, 0, 20));
    assert!(inside.asked.load(Ordering::SeqCst) <= 4, "twenty connections, eight at a time");
}

#[tokio::test]
async fn who_calls_is_told_by_the_listener_and_by_nobody_else() {
    let mut world = World::start().await;
    let heads = Instance::http_with(Duration::ZERO, |head| (200, head.to_ascii_lowercase())).await;
    let purpose = Purpose::Internal { pool: "heads".to_owned(), caller: Some("shop".to_owned()) };
    let (told, untold) = (world.listen("told", purpose).await, world.listen_for("heads").await);
    world.pool("heads", Protocol::Http, &[heads.address]);
    world.apply().await;
    let claim = "X-Seaworthy-Caller: root\r\nx_seaworthy_caller: root\r\n";
    let asked = async |address| HttpClient::connect(address).await.unwrap().get_with("/", claim).await.unwrap().1;
    let head = asked(told).await;
    assert_eq!(head.matches("seaworthy").count(), 2, "the caller, and `via`: {head}");
    assert!(head.contains("\r\nx-seaworthy-caller: shop\r\n"), "{head}");
    let head = asked(untold).await;
    assert!(!head.contains("x-seaworthy") && !head.contains("root"), "{head}");
    let counts = world.client.counters().await.unwrap();
    assert_eq!(counts["heads"].callers.keys().collect::<Vec<_>>(), ["shop"]);
}
