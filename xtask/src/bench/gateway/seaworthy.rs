//! Seaworthy's gateway: its parent and worker from the release build, told what to do over its control socket.

use super::HOST;
use super::contender::Contender;
use crate::bench::failed;
use crate::bench::process::Server;
use crate::failure::Failure;
use crate::shell;
use seaworthy_gateway::control::GatewayClient;
use seaworthy_model::release::RouteLimits;
use seaworthy_model::routing::{
    Destination, Endpoint, Group, ListenAddress, Listener, Pool, Purpose, ROUTING_FORMAT, Route, RouteVariant,
    RoutingTable, WeightedVariant,
};
use seaworthy_model::service::Protocol;
use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(15);

pub(super) fn start(binary: &Path, folder: &Path, backends: &[SocketAddr]) -> Result<Contender, Failure> {
    let folder = folder.join("seaworthy");
    crate::fresh::create(&folder)?;
    let at = folder.to_string_lossy();
    let words = [&binary.to_string_lossy(), "gateway", "--runtime-dir", &at, "--state-dir", &at];
    let log = File::create(folder.join("gateway.log")).map_err(failed("a log"))?;
    let mut command = shell::command(&folder, &words);
    command.env("SEAWORTHY_GATEWAY_THREADS", "1");
    command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed("a log"))?).stderr(log);
    let mut server = Server::start(command)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("a listener"))?;
    let address = listener.local_addr().map_err(failed("a listener"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed("a runtime"))?;
    runtime.block_on(configure(&GatewayClient::new(&folder), listener, address, backends))?;
    server.wait_for(address)?;
    Ok(Contender { name: "seaworthy", address, server })
}

async fn configure(
    client: &GatewayClient,
    listener: TcpListener,
    address: SocketAddr,
    backends: &[SocketAddr],
) -> Result<(), Failure> {
    let deadline = Instant::now() + START_TIMEOUT;
    while !client.parent_status().await.is_ok_and(|status| status.worker_ready) {
        if Instant::now() > deadline {
            return Err(Failure::Bench("the gateway does not serve".to_owned()));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let listen = ListenAddress::Tcp(address);
    client.listen("public", &listen, listener.into()).await.map_err(failed("the gateway's listener"))?;
    client.apply(&table(listen, backends)).await.map_err(failed("the gateway's table"))
}

fn table(address: ListenAddress, backends: &[SocketAddr]) -> RoutingTable {
    let variant =
        RouteVariant { to: Destination::Pool("pool".to_owned()), sticky: None, limits: RouteLimits::default() };
    let endpoints = backends.iter().enumerate();
    let pool = Pool {
        label: "bench/prod/pool".to_owned(),
        protocol: Protocol::Http,
        endpoints: endpoints
            .map(|(slot, address)| Endpoint { id: format!("pool-{slot}"), address: (*address).into() })
            .collect(),
        health_path: None,
        held: None,
        drain: Duration::from_secs(1),
    };
    let route = Route {
        id: "bench/prod/bench".to_owned(),
        group: "bench/prod".to_owned(),
        host: HOST.to_owned(),
        path: "/".to_owned(),
        variants: BTreeMap::from([("1".to_owned(), variant)]),
    };
    let group = Group { variants: vec![WeightedVariant { variant: "1".to_owned(), weight: 100 }] };
    RoutingTable {
        format: ROUTING_FORMAT,
        generation: 1,
        listeners: BTreeMap::from([("public".to_owned(), Listener { address, purpose: Purpose::Public })]),
        groups: BTreeMap::from([("bench/prod".to_owned(), group)]),
        routes: vec![route],
        pools: BTreeMap::from([("pool".to_owned(), pool)]),
    }
}
