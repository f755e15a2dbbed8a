//! The gateway as a [`Traffic`].

use super::compile::{Facts, call_listener, call_purpose, compile, group_label};
use super::listeners::Listeners;
use super::loopbacks::Loopbacks;
use crate::failure::machine;
use crate::identities::Identities;
use seaworthy_deploy::Traffic;
use seaworthy_deploy::counters::{Counters, Lasting, PoolCounters};
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_engine::{Callee, LocalTarget};
use seaworthy_gateway::control::{ControlError, StartOptions};
use seaworthy_gateway::control::{EgressRefusal, GatewayClient};
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::routing::{Endpoint, ListenAddress, Purpose};
use seaworthy_model::service::Protocol;
use seaworthy_model::traffic::EnvironmentTraffic;
use seaworthy_store::Store;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often a gateway that went away in the middle of a call is asked again.
const TRIES: u32 = 3;

/// How often it is looked whether a pool is quiet.
const QUIET_LOOK: Duration = Duration::from_millis(5);

/// As whom checks call a service that has no route.
const CHECK_CALLER: &str = "check";

/// How the ids of the listeners begin on which checks call the services of an environment.
fn check_listeners(app: &Name, environment: &Name) -> String {
    format!("check/{app}/{environment}/")
}

/// The one gateway of a node, told by whole tables.
pub(crate) struct GatewayTraffic {
    client: GatewayClient,
    start: StartOptions,
    public: Vec<SocketAddr>,
    checks_folder: PathBuf,
    checks_user: Option<(u32, u32)>,
    store: Arc<Store>,
    engine: Arc<LocalTarget>,
    state: Mutex<State>,
    /// What was answered, whatever became of the workers that answered it.
    counted: Mutex<Lasting>,
}

struct State {
    /// The gateway was stopped on purpose: nothing may start it again.
    stopped: bool,
    listeners: Listeners,
    loopbacks: Loopbacks,
    generation: u64,
}

impl GatewayTraffic {
    /// Starts the gateway if it does not run, and gives it back the listeners that it lacks.
    pub(crate) async fn start(
        home: &Path,
        start: StartOptions,
        public: Vec<SocketAddr>,
        identities: &Identities,
        store: Arc<Store>,
        engine: Arc<LocalTarget>,
    ) -> Result<Self, Diagnostic> {
        let client = seaworthy_gateway::control::start(&start).await.map_err(|e| machine(&e))?;
        let mut listeners = Listeners::open(home)?;
        listeners.restore(&client, &public).await?;
        let loopbacks = Loopbacks::of(&client).await?;
        // A table of this node must be newer than all that the gateway has from the one before.
        let generation = client.status().await.map_err(|e| machine(&e))?.generation;
        let state = Mutex::new(State { stopped: false, listeners, loopbacks, generation });
        let checks_folder = start.runtime_dir.with_file_name("checks");
        let checks_user = identities.checks;
        let counted = Mutex::default();
        Ok(Self { client, start, public, checks_folder, checks_user, store, engine, state, counted })
    }

    /// The client, for status and for stopping.
    pub(crate) fn client(&self) -> &GatewayClient {
        &self.client
    }

    /// Tells the gateway the table as it follows from the store and from the instances that there are now.
    pub(crate) async fn refresh(&self) -> Result<(), Diagnostic> {
        let mut state = self.state.lock().await;
        self.tell(&mut state).await
    }

    /// Stops the gateway, for as long as this node lives.
    pub(crate) async fn stop(&self) -> Result<(), Diagnostic> {
        let mut state = self.state.lock().await;
        state.stopped = true;
        self.client.stop().await.map_err(|e| machine(&e))
    }

    /// Starts the gateway again if it is gone, and tells it everything.
    pub(crate) async fn revive(&self) -> Result<(), Diagnostic> {
        let mut state = self.state.lock().await;
        if state.stopped {
            return Ok(());
        }
        self.start_again(&mut state).await?;
        self.tell(&mut state).await
    }

    /// Starts a gateway that is gone, and gives it back every listener.
    async fn start_again(&self, state: &mut State) -> Result<(), Diagnostic> {
        seaworthy_gateway::control::start(&self.start).await.map_err(|e| machine(&e))?;
        state.listeners.restore(&self.client, &self.public).await?;
        // Those inside are fetched from the shims again.
        state.loopbacks = Loopbacks::of(&self.client).await?;
        Ok(())
    }

    /// Fetches what could not be fetched from a shim that was just starting.
    pub(crate) async fn complete(&self) -> Result<(), Diagnostic> {
        let mut state = self.state.lock().await;
        if state.loopbacks.is_complete() { Ok(()) } else { self.tell(&mut state).await }
    }

    /// The connections outwards that were refused since this was asked last.
    pub(crate) async fn refusals(&self) -> Vec<EgressRefusal> {
        if self.state.lock().await.loopbacks.is_empty() {
            return Vec::new();
        }
        // A gateway that is just starting has refused nothing.
        self.client.refusals().await.unwrap_or_default()
    }

    /// Where calls to a pool go; the listener is there, and leads to the pool, when this returns.
    pub(crate) async fn call_address(&self, callee: &PoolId) -> Result<SocketAddr, Diagnostic> {
        let mut state = self.state.lock().await;
        let id = call_listener(callee);
        let known = state.listeners.address(&id).is_some();
        let address = state.listeners.ensure_call(&self.client, &id, call_purpose(callee)).await?;
        if !known {
            self.tell(&mut state).await?;
        }
        Ok(address)
    }

    /// What a callee speaks.
    pub(crate) fn protocol(&self, callee: &PoolId) -> Result<Protocol, Diagnostic> {
        let known = self.specs(&self.traffic_of_all()?)?;
        let unknown = || {
            let error =
                Diagnostic::new(Fault::Seaworthy, format!("`{callee}` is called and has no part in any traffic"));
            error.later()
        };
        Ok(known.get(callee).ok_or_else(unknown)?.protocol)
    }

    /// The socket on which checks of a service that has no route reach it, as the caller `check`; it is there, and
    /// leads to the pool, when this returns.
    pub(crate) async fn check_socket(&self, spec: &PoolSpec) -> Result<PathBuf, Diagnostic> {
        let mut state = self.state.lock().await;
        let id = format!("{}{}", check_listeners(&spec.app, &spec.environment), spec.service);
        let path = self.checks_folder.join(format!("{}-{}-{}.sock", spec.app, spec.environment, spec.service));
        let socket = self.bind_for_checks(&path)?;
        let address = ListenAddress::Unix(path.clone());
        self.client.listen(&id, &address, socket).await.map_err(|e| machine(&e))?;
        let purpose = Purpose::Internal { pool: spec.id.0.clone(), caller: Some(CHECK_CALLER.to_owned()) };
        state.listeners.remember(&id, address, purpose)?;
        self.tell(&mut state).await?;
        Ok(path)
    }

    /// Where a callee answers, and what it speaks.
    pub(crate) async fn callee(&self, callee: &PoolId) -> Result<Callee, Diagnostic> {
        let address = self.call_address(callee).await?;
        Ok(Callee { address, protocol: self.protocol(callee)? })
    }

    /// After instances have ended: forgets the listeners for calls to pools that nobody can call any more. A pool may
    /// be without instances and still be called, while callers of its revision finish and another pool answers for it.
    pub(crate) async fn forget_uncalled(&self) -> Result<(), Diagnostic> {
        let mut state = self.state.lock().await;
        let known = self.specs(&self.traffic_of_all()?)?;
        let uncalled = state.listeners.all().iter().filter(|(_, listener)| match &listener.purpose {
            Purpose::Internal { pool, .. } => !known.contains_key(&PoolId(pool.clone())),
            Purpose::Public | Purpose::Pinned { .. } | Purpose::Egress { .. } => false,
        });
        let uncalled: Vec<String> = uncalled.map(|(id, _)| id.clone()).collect();
        for id in uncalled {
            state.listeners.remove(&self.client, &id).await?;
        }
        self.tell(&mut state).await
    }

    /// The socket of the listener that is pinned to an environment's candidate.
    pub(crate) fn pinned_socket(&self, app: &Name, environment: &Name) -> PathBuf {
        self.checks_folder.join(format!("{app}-{environment}.sock"))
    }

    /// Where users on this machine connect; `None`: the gateway listens nowhere.
    pub(crate) fn public_address(&self) -> Option<SocketAddr> {
        let mut address = *self.public.first()?;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv6() { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() });
        }
        Some(address)
    }

    /// Who the checks run as.
    pub(crate) fn checks_user(&self) -> Option<(u32, u32)> {
        self.checks_user
    }

    fn traffic_of_all(&self) -> Result<Vec<EnvironmentTraffic>, Diagnostic> {
        Ok(self.store.environments()?.into_iter().filter_map(|environment| environment.traffic).collect())
    }

    async fn tell(&self, state: &mut State) -> Result<(), Diagnostic> {
        if state.stopped {
            return Ok(());
        }
        let mut tried = 0;
        state.loopbacks.follow(&self.client, &self.engine).await?;
        loop {
            state.generation += 1;
            let table = self.table(state).await?;
            match self.client.apply(&table).await {
                Ok(()) => return Ok(()),
                // Its worker may have died; its parent starts another, which has the table before.
                Err(ControlError::Interrupted(_) | ControlError::Unreachable { .. }) if tried < TRIES => {
                    tried += 1;
                    self.start_again(state).await?;
                    state.loopbacks.follow(&self.client, &self.engine).await?;
                }
                Err(error) => return Err(machine(&error)),
            }
        }
    }

    async fn table(&self, state: &State) -> Result<seaworthy_model::routing::RoutingTable, Diagnostic> {
        let environments = self.traffic_of_all()?;
        let pools = self.specs(&environments)?;
        let mut endpoints = BTreeMap::new();
        for pool in pools.keys() {
            let list = self.engine.endpoints(pool).into_iter();
            let list: Vec<Endpoint> = list.map(|(id, address)| Endpoint { id: id.0, address }).collect();
            endpoints.insert(pool.clone(), list);
        }
        let mut listeners = state.listeners.all().clone();
        listeners.extend(state.loopbacks.all());
        let generation = state.generation;
        Ok(compile(Facts { environments: &environments, pools: &pools, endpoints: &endpoints, listeners, generation }))
    }

    /// Every pool that has a part in some traffic.
    fn specs(&self, environments: &[EnvironmentTraffic]) -> Result<BTreeMap<PoolId, PoolSpec>, Diagnostic> {
        let mut pools = BTreeMap::new();
        for traffic in environments {
            for variant in &traffic.variants {
                let revision = self.store.revision(&traffic.app, &traffic.environment, variant.revision)?;
                let specs = revision.into_iter().flat_map(|revision| revision.pools.into_values());
                pools.extend(specs.map(|spec| (spec.id.clone(), spec)));
            }
        }
        Ok(pools)
    }

    /// Makes or closes the listener for the checks of an environment, as its traffic says.
    async fn pin(&self, state: &mut State, traffic: &EnvironmentTraffic) -> Result<(), Diagnostic> {
        let id = format!("pinned/{}", group_label(traffic));
        let Some(revision) = traffic.pinned else {
            let checks = check_listeners(&traffic.app, &traffic.environment);
            let all = state.listeners.all().keys();
            let over: Vec<String> = all.filter(|other| **other == id || other.starts_with(&checks)).cloned().collect();
            for id in over {
                state.listeners.remove(&self.client, &id).await?;
            }
            return Ok(());
        };
        let purpose = Purpose::Pinned { group: group_label(traffic), variant: revision.to_string() };
        let path = self.pinned_socket(&traffic.app, &traffic.environment);
        let socket = self.bind_for_checks(&path)?;
        let address = ListenAddress::Unix(path);
        self.client.listen(&id, &address, socket).await.map_err(|e| machine(&e))?;
        state.listeners.remember(&id, address, purpose)
    }

    /// A socket that the checks' own user alone can reach: in a folder that only it can enter.
    fn bind_for_checks(&self, path: &Path) -> Result<OwnedFd, Diagnostic> {
        seaworthy_host::files::create_directory(&self.checks_folder, 0o700).map_err(|e| machine(&e))?;
        let _ = std::fs::remove_file(path);
        let socket = UnixListener::bind(path)
            .map_err(|e| Diagnostic::machine(format!("cannot listen on `{}`: {e}", path.display())))?;
        seaworthy_host::files::set_mode(path, 0o600).map_err(|e| machine(&e))?;
        if let Some((uid, gid)) = self.checks_user {
            seaworthy_host::files::change_owner(path, uid, gid).map_err(|e| machine(&e))?;
            seaworthy_host::files::change_owner(&self.checks_folder, uid, gid).map_err(|e| machine(&e))?;
        }
        Ok(socket.into())
    }
}

impl Traffic for GatewayTraffic {
    async fn apply(&self, traffic: &EnvironmentTraffic) -> Result<(), Diagnostic> {
        let mut state = self.state.lock().await;
        self.store.set_traffic(traffic)?;
        self.pin(&mut state, traffic).await?;
        self.tell(&mut state).await
    }

    async fn current(&self, app: &Name, environment: &Name) -> Result<Option<EnvironmentTraffic>, Diagnostic> {
        let all = self.traffic_of_all()?;
        Ok(all.into_iter().find(|t| t.app == *app && t.environment == *environment))
    }

    async fn counters(&self) -> Result<Counters, Diagnostic> {
        // An older look that comes after a newer one would be taken for counts that began again.
        let mut counted = self.counted.lock().await;
        let counts = self.client.counters().await.map_err(|e| machine(&e))?;
        let counters = |c: seaworthy_gateway::control::PoolCount| PoolCounters {
            requests: c.requests,
            errors: c.errors,
            in_flight: c.in_flight,
            closed: c.closed,
        };
        let now = counts.into_iter().map(|(pool, count)| (PoolId(pool), counters(count))).collect();
        Ok(counted.add(now).clone())
    }

    async fn quiet(&self, pool: &PoolId, at_most: Duration) {
        let until_quiet = async {
            // A gateway that does not answer has nothing in flight.
            while let Ok(counts) = self.client.counters().await
                && counts.into_iter().any(|(id, count)| count.in_flight > 0 && PoolId(id).is_of_service_of(pool))
            {
                tokio::time::sleep(QUIET_LOOK).await;
            }
        };
        let _ = tokio::time::timeout(at_most, until_quiet).await;
    }

    async fn drained(&self, pools: &[PoolId], drain: Duration) -> Result<(), Diagnostic> {
        let names: Vec<String> = pools.iter().map(|pool| pool.0.clone()).collect();
        let mut tried = 0;
        loop {
            match self.client.drained(&names, drain).await {
                Ok(_) => return Ok(()),
                // What was in flight in a worker that died is gone with it.
                Err(ControlError::Interrupted(_) | ControlError::Unreachable { .. }) if tried < TRIES => {
                    tried += 1;
                    self.revive().await?;
                }
                Err(error) => return Err(machine(&error)),
            }
        }
    }
}
