//! A gateway of its own for every test, and tables for it.

use seaworthy_gateway::control::{GatewayClient, Roles, StartOptions, start};
use seaworthy_model::release::RouteLimits;
use seaworthy_model::routing::{
    Destination, Endpoint, Group, ListenAddress, Listener, Pool, Purpose, ROUTING_FORMAT, Route, RouteVariant,
    RoutingTable, WeightedVariant,
};
use seaworthy_model::service::Protocol;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The longest that anything in a test may take.
pub(crate) const DEADLINE: Duration = Duration::from_secs(30);

/// The host of every route.
pub(crate) const HOST: &str = "app.test";

pub(crate) struct World {
    directory: TempDir,
    pub(crate) client: GatewayClient,
    pub(crate) table: RoutingTable,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_as(None).await
    }

    /// A gateway that runs as a user of its own, as under an installed node.
    pub(crate) async fn start_as(user: Option<(u32, u32)>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        if let Some((uid, gid)) = user {
            seaworthy_host::files::change_owner(directory.path(), uid, gid).unwrap();
            seaworthy_host::files::set_mode(directory.path(), 0o711).unwrap();
        }
        let options = StartOptions { user, ..options(&directory) };
        let client = match start(&options).await {
            Ok(client) => client,
            Err(error) => {
                let log = std::fs::read_to_string(directory.path().join("gateway.log")).unwrap_or_default();
                panic!("no gateway: {error:?}\n{log}");
            }
        };
        let table = RoutingTable {
            format: ROUTING_FORMAT,
            generation: 0,
            listeners: BTreeMap::new(),
            groups: BTreeMap::new(),
            routes: Vec::new(),
            pools: BTreeMap::new(),
        };
        Self { directory, client, table }
    }

    /// Starts a gateway in the same place as one that is not there any more.
    pub(crate) async fn start_again(&mut self) {
        self.client = start(&options(&self.directory)).await.expect("a gateway");
    }

    /// Gives the gateway a listener on a free port, as the node does.
    pub(crate) async fn listen(&mut self, id: &str, purpose: Purpose) -> SocketAddr {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = socket.local_addr().unwrap();
        let listen_address = ListenAddress::Tcp(address);
        self.client.listen(id, &listen_address, socket.into()).await.expect("listen");
        self.table.listeners.insert(id.to_owned(), Listener { address: listen_address, purpose });
        address
    }

    /// A listener whose connections all go to one pool.
    pub(crate) async fn listen_for(&mut self, pool: &str) -> SocketAddr {
        self.listen(&format!("to-{pool}"), Purpose::Internal { pool: pool.to_owned(), caller: None }).await
    }

    /// A listener for users.
    pub(crate) async fn listen_publicly(&mut self) -> SocketAddr {
        self.listen("public", Purpose::Public).await
    }

    /// A route for all that comes in, with a pool and a weight for each variant.
    pub(crate) fn route(&mut self, variants: &[(&str, u8, &str)]) -> &mut Route {
        let weights =
            variants.iter().map(|(label, weight, _)| WeightedVariant { variant: (*label).into(), weight: *weight });
        self.table.groups.insert("group".into(), Group { variants: weights.collect() });
        let to = |pool: &str| RouteVariant {
            to: Destination::Pool(pool.to_owned()),
            sticky: None,
            limits: RouteLimits::default(),
        };
        self.table.routes = vec![Route {
            id: "route".into(),
            group: "group".into(),
            host: HOST.into(),
            path: "/".into(),
            variants: variants.iter().map(|(label, _, pool)| ((*label).to_owned(), to(pool))).collect(),
        }];
        &mut self.table.routes[0]
    }

    /// Adds or replaces a pool of the table.
    pub(crate) fn pool(&mut self, id: &str, protocol: Protocol, endpoints: &[SocketAddr]) -> &mut Pool {
        let endpoints =
            endpoints.iter().map(|address| Endpoint { id: format!("{id}-{address}"), address: (*address).into() });
        let pool = Pool {
            label: format!("test/test/{id}"),
            protocol,
            endpoints: endpoints.collect(),
            health_path: None,
            held: None,
            drain: Duration::from_secs(30),
        };
        self.table.pools.insert(id.to_owned(), pool);
        self.table.pools.get_mut(id).unwrap()
    }

    /// Makes the gateway follow the table as it is now.
    pub(crate) async fn apply(&mut self) {
        self.table.generation += 1;
        self.client.apply(&self.table).await.expect("apply");
    }

    pub(crate) async fn worker_pid(&self) -> u32 {
        self.client.status().await.expect("status").pid
    }

    /// Kills the worker as a crash would, and waits until another one serves.
    pub(crate) async fn kill_worker(&self) {
        let killed = self.worker_pid().await;
        kill(killed);
        let deadline = Instant::now() + DEADLINE;
        loop {
            let status = self.client.parent_status().await.expect("the parent");
            if status.worker_ready && status.worker_pid != Some(killed) {
                return;
            }
            assert!(Instant::now() < deadline, "no other worker: {status:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    pub(crate) fn state(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let client = self.client.clone();
        let stop = move || tokio::runtime::Runtime::new().map(|runtime| runtime.block_on(client.stop()));
        let _ = std::thread::spawn(stop).join();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.state("gateway.log")).unwrap_or_default();
            let _ = std::io::Write::write_all(&mut std::io::stderr(), log.as_bytes());
        }
    }
}

pub(crate) fn kill(pid: u32) {
    seaworthy_host::process::signal(pid, seaworthy_host::process::Signal::SIGKILL).expect("kill");
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so().await {
        assert!(Instant::now() < deadline, "never so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn options(directory: &TempDir) -> StartOptions {
    let words = |role: &str| ["--exact", role, "--nocapture", "--"].map(Into::into).to_vec();
    StartOptions {
        runtime_dir: directory.path().to_owned(),
        state_dir: directory.path().to_owned(),
        user: None,
        roles: Roles { parent: words("parent_role"), worker: words("worker_role") },
    }
}
