//! Requests that go to several services at once.

use crate::support::instance::{Instance, ok};
use crate::support::{World, status, table};
use seaworthy_model::release::{Answer, Compare, Fanout, RouteLimits};
use seaworthy_model::routing::Destination;
use std::net::SocketAddr;
use std::time::Duration;

/// A world in which the host `a` fans out to one pool per instance.
async fn world(instances: &[SocketAddr], methods: &[&str]) -> World {
    let world = World::new(instances).await;
    let mut table = table(instances, RouteLimits::default());
    let pool = table.pools.remove("pool").expect("it has one");
    table.listeners.remove("internal");
    let names: Vec<_> = (0..instances.len()).map(|number| format!("service-{number}")).collect();
    for (name, endpoint) in names.iter().zip(&pool.endpoints) {
        let mut pool = pool.clone();
        pool.endpoints = vec![endpoint.clone()];
        table.pools.insert(name.clone(), pool);
    }
    let fanout = Fanout {
        services: names.iter().map(|name| name.parse().expect("a name")).collect(),
        answer: Answer::Quorum,
        deadline: Duration::from_secs(2),
        compare: Compare::Body,
        methods: methods.iter().map(|method| (*method).to_owned()).collect(),
    };
    let variant = table.routes[0].variants.get_mut("1").expect("it has one");
    variant.to = Destination::Fanout { fanout, pools: names };
    table.generation += 1;
    world.gateway.apply(&table);
    world
}

#[tokio::test]
async fn the_majority_answers_on_a_connection_that_stays() {
    let (one, two, liar) =
        (Instance::echoing().await, Instance::echoing().await, Instance::answering(|_| Some(ok("lie"))).await);
    let world = world(&[liar.address, one.address, two.address], &["GET", "HEAD"]).await;
    let mut client = world.connect().await;
    for number in 0..5 {
        let answer = client.get(&format!("/{number}")).await;
        assert!(answer.ends_with(&format!("\r\n\r\n/{number}")) && !answer.contains("chunked"), "{answer}");
    }
    client.send("POST / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    let answer = client.answer().await;
    assert!(
        answer.starts_with("HTTP/1.1 405 Method Not Allowed\r\n") && answer.contains("\r\nAllow: GET, HEAD\r\n"),
        "{answer}"
    );
    assert_eq!(status(&client.get("/").await), 200);
}

#[tokio::test]
async fn everyone_gets_the_whole_body() {
    let mut instances = Vec::new();
    for _ in 0..3 {
        instances.push(Instance::answering(|request| Some(ok(&String::from_utf8_lossy(&request.body)))).await);
    }
    let addresses: Vec<_> = instances.iter().map(|instance| instance.address).collect();
    let world = world(&addresses, &["PUT"]).await;
    let mut client = world.connect().await;
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    assert_eq!(client.head().await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello").await;
    assert!(client.answer().await.ends_with("\r\n\r\nhello"));
    let body = "5\r\nhello\r\n0\r\n\r\n";
    client.send(format!("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{body}")).await;
    assert!(client.answer().await.ends_with(body));
    client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2000000\r\n\r\n").await;
    assert_eq!(status(&client.answer().await), 413);
}

#[tokio::test]
async fn without_a_majority_the_answer_says_who_said_what() {
    let (one, two) =
        (Instance::saying("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n").await, Instance::echoing().await);
    let world = world(&[one.address, two.address], &["GET"]).await;
    let answer = world.connect().await.get("/").await;
    assert!(
        answer.starts_with("HTTP/1.1 502 ") && answer.contains("application/json") && answer.contains("service-0"),
        "{answer}"
    );
}
