//! A gateway of one thread in front of one instance, for measuring: `relay LISTEN INSTANCE ACCESS_LOG`.

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
use std::error::Error;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, instance, access_log] = &arguments[..] else {
        return Err("relay LISTEN INSTANCE ACCESS_LOG".into());
    };
    let (listen, instance) = (listen.parse()?, instance.parse()?);
    let gateway = Gateway::new(AccessLog::open(Path::new(access_log))?, Limits::default());
    gateway.apply(&table(listen, instance));
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(listen, gateway))
}

async fn serve(listen: SocketAddr, gateway: Arc<Gateway>) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind(listen).await?;
    let id: Arc<str> = Arc::from("public");
    loop {
        let (stream, peer) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let context = ConnectionContext::new(id.clone(), Some(peer));
        tokio::spawn(connection::serve(stream, gateway.clone(), context));
    }
}

fn table(listen: SocketAddr, instance: SocketAddr) -> RoutingTable {
    let variant = RouteVariant { to: Destination::Pool("pool".into()), sticky: None, limits: RouteLimits::default() };
    let pool = Pool {
        label: "pool".into(),
        protocol: Protocol::Http,
        endpoints: vec![Endpoint { id: "instance".into(), address: instance }],
        health_path: None,
        held: None,
        drain: Duration::ZERO,
    };
    let route = |host: String| Route {
        id: "bench/prod/route".into(),
        group: "group".into(),
        host,
        path: "/".into(),
        variants: BTreeMap::from([("1".to_owned(), variant.clone())]),
    };
    let weighted = WeightedVariant { variant: "1".into(), weight: 100 };
    RoutingTable {
        format: ROUTING_FORMAT,
        generation: 1,
        listeners: BTreeMap::from([(
            "public".to_owned(),
            Listener { address: ListenAddress::Tcp(listen), purpose: Purpose::Public },
        )]),
        groups: BTreeMap::from([("group".to_owned(), Group { variants: vec![weighted] })]),
        routes: vec![route(listen.ip().to_string()), route("localhost".to_owned())],
        pools: BTreeMap::from([("pool".to_owned(), pool)]),
    }
}
