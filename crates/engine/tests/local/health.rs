//! When an instance counts as healthy, and what is said when it does not.

use crate::world::World;
use seaworthy_deploy::Target as _;
use seaworthy_model::service::{Health, Port};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_program_that_ends_at_once_fails_with_its_last_words() {
    let world = World::new();
    let spec = world.script("echo I need a database >&2; exit 3");
    world.target().start(&spec).await.unwrap();
    let error = world
        .target()
        .healthy(&{
            let mut spec = spec.clone();
            spec.tuning.healthy_for = Duration::from_secs(5);
            spec
        })
        .await
        .unwrap_err();
    assert_eq!(error.message, "`script` ended 3 times before it was healthy, last with exit code 3");
    assert_eq!(error.evidence, ["I need a database"; 3]);
    assert!(error.help.is_some());
    let instance = world.instance(&spec.id);
    assert_eq!(instance.state, seaworthy_engine::InstanceState::CrashLoop);
    world.end().await;
}

#[tokio::test]
async fn a_program_that_hangs_at_start_is_told_where_it_should_listen() {
    let world = World::new();
    let mut spec = world.script("echo warming up; exec cat");
    (spec.port, spec.health) = (Port::Given, Health::Connect);
    spec.tuning.start_timeout = Duration::from_millis(300);
    world.target().start(&spec).await.unwrap();
    let error = world.target().healthy(&spec).await.unwrap_err();
    let port = world.target().endpoints(&spec.id)[0].1.port();
    let expected = format!(
        "`script` was not healthy within 0.3 s: the connection to 127.0.0.1:{port} was refused: \
         does it listen on $PORT?"
    );
    assert_eq!(error.message, expected);
    assert_eq!(error.evidence, ["warming up"]);
    assert!(error.help.unwrap().contains("127.0.0.1:$PORT"));
    world.end().await;
}

#[tokio::test]
async fn a_wrong_answer_is_shown() {
    let world = World::new();
    let mut spec = world.server();
    spec.health = Health::Path("/broken".to_owned());
    spec.tuning.start_timeout = Duration::from_secs(3);
    world.target().start(&spec).await.unwrap();
    let error = world.target().healthy(&spec).await.unwrap_err();
    let port = world.target().endpoints(&spec.id)[0].1.port();
    assert!(error.message.ends_with(&format!("GET /broken on 127.0.0.1:{port} answered 500")), "{error}");
    world.end().await;
}

#[tokio::test]
async fn healthy_means_for_a_time() {
    let world = World::new();
    let mut spec = world.server();
    spec.tuning.healthy_for = Duration::from_millis(400);
    world.target().start(&spec).await.unwrap();
    let started = Instant::now();
    world.target().healthy(&spec).await.unwrap();
    assert!(started.elapsed() >= Duration::from_millis(400));
    world.end().await;
}

#[tokio::test]
async fn a_server_on_the_other_loopback_is_found_and_remembered() {
    let mut world = World::new();
    assert!(std::net::TcpListener::bind("[::1]:0").is_ok(), "this test needs IPv6 on the loopback interface");
    let script = "import os, socket\naddress = ('::1', int(os.environ['PORT']))\n\
        s = socket.create_server(address, family=socket.AF_INET6)\n\
        while True:\n    s.accept()[0].close()\n";
    let spec = world.spec("v6", &["python3", "run.py"], &[("run.py", script)]);
    world.up(&spec).await;
    assert!(world.target().endpoints(&spec.id)[0].1 == ipv6(&world, &spec));
    world.restart_node();
    world.target().adopt().await.unwrap();
    assert!(world.target().endpoints(&spec.id)[0].1 == ipv6(&world, &spec));
    world.end().await;
}

fn ipv6(world: &World, spec: &seaworthy_model::pool::PoolSpec) -> seaworthy_model::routing::EndpointAddress {
    let port = world.target().endpoints(&spec.id)[0].1.port();
    std::net::SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, port)).into()
}
