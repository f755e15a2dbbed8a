//! One request, several services.

use crate::http_client::HttpClient;
use crate::instances::{Instance, nobody};
use crate::world::{HOST, World, until};
use seaworthy_model::release::{Answer, Compare, Fanout};
use seaworthy_model::routing::Destination;
use seaworthy_model::service::Protocol;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SERVICES: [&str; 5] = ["rust", "go", "python", "node", "ruby"];
const DEADLINE: Duration = Duration::from_millis(500);

/// A gateway whose one route fans out to instances at these addresses.
async fn world(answer: Answer, instances: &[SocketAddr; 5]) -> (World, SocketAddr) {
    let mut world = World::start().await;
    let address = world.listen_publicly().await;
    for (service, instance) in SERVICES.iter().zip(instances) {
        world.pool(service, Protocol::Http, &[*instance]);
    }
    let fanout = Fanout {
        services: SERVICES.iter().map(|service| service.parse().unwrap()).collect(),
        answer,
        deadline: DEADLINE,
        compare: Compare::Body,
        methods: vec!["GET".into(), "HEAD".into()],
    };
    let pools = SERVICES.iter().map(|service| (*service).to_owned()).collect();
    let route = world.route(&[("1", 100, "rust")]);
    route.variants.get_mut("1").unwrap().to = Destination::Fanout { fanout, pools };
    world.apply().await;
    (world, address)
}

async fn right() -> Instance {
    Instance::http("right back at ya!", Duration::ZERO).await
}

#[tokio::test]
async fn two_of_five_may_be_dead_slow_or_wrong() {
    let good = [right().await, right().await, right().await];
    let liar = Instance::http("a lie", Duration::ZERO).await;
    let hung = Instance::http("too late", Duration::from_secs(60)).await;
    let [a, b, c] = [good[0].address, good[1].address, good[2].address];
    for instances in [
        [a, nobody(), b, nobody(), c],
        [liar.address, a, b, liar.address, c],
        [hung.address, a, liar.address, b, c],
        [nobody(), hung.address, a, b, c],
    ] {
        let (_world, address) = world(Answer::Quorum, &instances).await;
        let mut client = HttpClient::connect(address).await.unwrap();
        for _ in 0..20 {
            let started = Instant::now();
            assert_eq!(client.get("/hi!").await.unwrap(), (200, "right back at ya!".to_owned()));
            assert!(started.elapsed() < DEADLINE, "it waited for the deadline");
        }
    }
}

#[tokio::test]
async fn with_three_gone_it_says_who_answered_what() {
    let good = [right().await, right().await];
    let failing = Instance::http_with(Duration::ZERO, |_| (500, "oh no".to_owned())).await;
    let instances = [good[0].address, nobody(), failing.address, nobody(), good[1].address];
    let (world, address) = world(Answer::Quorum, &instances).await;
    let (status, body) = HttpClient::connect(address).await.unwrap().get("/hi!").await.unwrap();
    assert_eq!(status, 502);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["error"], "no quorum: 3 of 5 services must agree");
    let services: Vec<_> =
        body["services"].as_array().unwrap().iter().map(|s| s["service"].as_str().unwrap()).collect();
    assert_eq!(services, SERVICES);
    until("the failures are counted", async || {
        let counters = world.client.counters().await.unwrap();
        ["go", "python", "node"].iter().all(|service| counters[*service].failed == 1)
    })
    .await;
}

#[tokio::test]
async fn only_methods_that_may_fan_out_do() {
    let good = right().await;
    let (_world, address) = world(Answer::First, &[good.address; 5]).await;
    let mut client = HttpClient::connect(address).await.unwrap();
    let post = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.ask(&post).await.unwrap().0, 405);
    assert_eq!(client.get("/").await.unwrap().0, 200);
}

#[tokio::test]
async fn all_answers_come_in_the_declared_order() {
    let mut instances = Vec::new();
    for (place, service) in SERVICES.iter().enumerate() {
        instances.push(Instance::http(service, Duration::from_millis(40 - 10 * (place as u64 % 5).min(4))).await);
    }
    let addresses: Vec<_> = instances.iter().map(|instance| instance.address).collect();
    let (_world, address) = world(Answer::All, addresses[..].try_into().unwrap()).await;
    let (status, body) = HttpClient::connect(address).await.unwrap().get("/").await.unwrap();
    assert_eq!(status, 200);
    let body: serde_json::Value = serde_json::from_str(&body).unwrap();
    let said: Vec<_> =
        body["answers"].as_array().unwrap().iter().map(|answer| answer["body"].as_str().unwrap()).collect();
    assert_eq!(said, SERVICES);
}

#[tokio::test]
async fn connections_of_the_legs_are_used_again() {
    let good = [right().await, right().await, right().await, right().await, right().await];
    let addresses: Vec<_> = good.iter().map(|instance| instance.address).collect();
    let (world, address) = world(Answer::Quorum, addresses[..].try_into().unwrap()).await;
    let mut client = HttpClient::connect(address).await.unwrap();
    for _ in 0..100 {
        assert_eq!(client.get("/").await.unwrap().0, 200);
    }
    until("every leg is counted", async || {
        world.client.counters().await.unwrap().values().all(|count| count.requests == 100 && count.in_flight == 0)
    })
    .await;
    for instance in &good {
        let accepted = instance.accepted.load(std::sync::atomic::Ordering::Relaxed);
        assert!(accepted < 20, "{accepted} connections for 100 requests");
    }
}
