//! A gateway, instances and clients inside the test, on real sockets.
#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod instance;

use seaworthy_gateway::Gateway;
use seaworthy_gateway::access_log::AccessLog;
use seaworthy_gateway::limits::Limits;
use seaworthy_gateway::proxy::connection;
use seaworthy_gateway::table::ConnectionContext;
use seaworthy_model::release::RouteLimits;
use seaworthy_model::routing::{
    Destination, Endpoint, Group, ListenAddress, Listener, Pool, Purpose, ROUTING_FORMAT, Route, RouteVariant,
    RoutingTable, WeightedVariant,
};
use seaworthy_model::service::Protocol;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Nothing in these tests takes longer.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// A gateway that listens, with one route for the host `a` and one internal listener, both to the same pool.
pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    /// Where users come in.
    pub(crate) address: SocketAddr,
    /// Where instances come in.
    pub(crate) internal: SocketAddr,
}

impl World {
    pub(crate) async fn new(instances: &[SocketAddr]) -> Self {
        Self::with(instances, Limits::default(), RouteLimits::default()).await
    }

    pub(crate) async fn with(instances: &[SocketAddr], limits: Limits, route: RouteLimits) -> Self {
        let gateway = Gateway::new(AccessLog::default(), limits);
        gateway.apply(&table(instances, route));
        let address = listen(gateway.clone(), "public").await;
        let internal = listen(gateway.clone(), "internal").await;
        Self { gateway, address, internal }
    }

    pub(crate) async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.expect("the gateway listens"))
    }

    /// Sends bytes on a connection of their own and reads up to its end.
    pub(crate) async fn talk(&self, request: impl AsRef<[u8]>) -> String {
        let mut client = self.connect().await;
        client.send(request).await;
        client.rest().await
    }
}

async fn listen(gateway: Arc<Gateway>, listener: &'static str) -> SocketAddr {
    let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = socket.local_addr().expect("bound");
    tokio::spawn(async move {
        while let Ok((stream, peer)) = socket.accept().await {
            let _ = stream.set_nodelay(true);
            let context = ConnectionContext::new(Arc::from(listener), Some(peer));
            tokio::spawn(connection::serve(stream, gateway.clone(), context));
        }
    });
    address
}

pub(crate) fn table(instances: &[SocketAddr], limits: RouteLimits) -> RoutingTable {
    let listener = |purpose| Listener { address: ListenAddress::Tcp(([127, 0, 0, 1], 1).into()), purpose };
    let internal = Purpose::Internal { pool: "pool".into(), caller: Some("caller".into()) };
    let variant = RouteVariant { to: Destination::Pool("pool".into()), sticky: None, limits };
    let endpoints = instances
        .iter()
        .enumerate()
        .map(|(number, address)| Endpoint { id: format!("i{number}"), address: (*address).into() });
    let pool = Pool {
        label: "pool".into(),
        protocol: Protocol::Http,
        endpoints: endpoints.collect(),
        health_path: None,
        held: None,
        drain: Duration::ZERO,
    };
    RoutingTable {
        format: ROUTING_FORMAT,
        generation: 1,
        listeners: BTreeMap::from([
            ("public".to_owned(), listener(Purpose::Public)),
            ("internal".to_owned(), listener(internal)),
        ]),
        groups: BTreeMap::from([(
            "group".to_owned(),
            Group { variants: vec![WeightedVariant { variant: "1".into(), weight: 100 }] },
        )]),
        routes: vec![Route {
            id: "route".into(),
            group: "group".into(),
            host: "a".into(),
            path: "/".into(),
            variants: BTreeMap::from([("1".to_owned(), variant)]),
        }],
        pools: BTreeMap::from([("pool".to_owned(), pool)]),
    }
}

/// One client connection.
pub(crate) struct Client(pub(crate) TcpStream);

impl Client {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        within(self.0.write_all(bytes.as_ref())).await.expect("the gateway reads");
    }

    /// Reads until the text ends so.
    pub(crate) async fn until(&mut self, end: &str) -> String {
        let mut text = String::new();
        while !text.ends_with(end) {
            let mut byte = [0];
            let read = within(self.0.read(&mut byte)).await.expect("the gateway writes");
            assert!(read == 1, "the connection ended before {end:?}: {text:?}");
            text.push(char::from(byte[0]));
        }
        text
    }

    /// Reads a head.
    pub(crate) async fn head(&mut self) -> String {
        self.until("\r\n\r\n").await
    }

    /// Reads so many bytes.
    pub(crate) async fn exactly(&mut self, length: usize) -> String {
        let mut bytes = vec![0; length];
        within(self.0.read_exact(&mut bytes)).await.expect("the gateway writes");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Reads up to the end of the connection.
    pub(crate) async fn rest(&mut self) -> String {
        let mut bytes = Vec::new();
        let _ = within(self.0.read_to_end(&mut bytes)).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Sends a request without a body and reads an answer that has a length.
    pub(crate) async fn get(&mut self, target: &str) -> String {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")).await;
        self.answer().await
    }

    /// Reads an answer that has a length: its head and body.
    pub(crate) async fn answer(&mut self) -> String {
        let head = self.head().await;
        let lower = head.to_lowercase();
        let (_, rest) = lower.split_once("content-length: ").expect("a length");
        let length = rest.split("\r\n").next().and_then(|length| length.parse().ok()).expect("a number");
        head + &self.exactly(length).await
    }
}

/// The outcome of what must not take long.
pub(crate) async fn within<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(DEADLINE, future).await.expect("in time")
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(tokio::time::timeout(DEADLINE, waiting).await.is_ok(), "never: {what}");
}

/// The status of an answer.
pub(crate) fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default()
}
