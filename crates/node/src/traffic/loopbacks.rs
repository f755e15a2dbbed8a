//! The listeners that stand in the networks of instances: fetched from their shims, handed to the gateway.

use crate::failure::machine;
use crate::supervise::note;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::loopback::{InsideListener, LeadsTo};
use seaworthy_engine::{InstanceNetwork, LocalTarget};
use seaworthy_gateway::control::GatewayClient;
use seaworthy_model::routing::{ListenAddress, Listener, Purpose};
use std::collections::{BTreeMap, BTreeSet};

/// How the ids of these listeners begin.
const PREFIX: &str = "inside/";

/// Whether a listener of this id stands in the network of an instance.
pub(super) fn is_inside(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// What the gateway has of them.
#[derive(Debug, Default)]
pub(super) struct Loopbacks {
    /// By instance.
    handed: BTreeMap<String, Handed>,
    /// Listeners that the gateway holds from the node before this one.
    inherited: BTreeSet<String>,
}

#[derive(Debug)]
struct Handed {
    token: String,
    listeners: BTreeMap<String, Listener>,
    is_complete: bool,
}

impl Loopbacks {
    /// Of a gateway that may hold some already: they are fetched again all the same, for they may be of shims that are
    /// gone.
    pub(super) async fn of(client: &GatewayClient) -> Result<Self, Diagnostic> {
        let held = client.listeners().await.map_err(|e| machine(&e))?;
        let inherited = held.into_keys().filter(|id| is_inside(id)).collect();
        Ok(Self { handed: BTreeMap::new(), inherited })
    }

    /// Whether no instance has a network of its own.
    pub(super) fn is_empty(&self) -> bool {
        self.handed.is_empty()
    }

    /// Whether the gateway has all that there is.
    pub(super) fn is_complete(&self) -> bool {
        self.handed.values().all(|handed| handed.is_complete)
    }

    /// All of them, for the table.
    pub(super) fn all(&self) -> impl Iterator<Item = (String, Listener)> {
        self.handed.values().flat_map(|handed| handed.listeners.clone())
    }

    /// Hands the gateway what is new, and takes away what is gone.
    pub(super) async fn follow(&mut self, client: &GatewayClient, engine: &LocalTarget) -> Result<(), Diagnostic> {
        let networks = engine.networks()?;
        let mut before = std::mem::take(&mut self.handed);
        for network in networks {
            let known = before.remove(&network.instance);
            let handed = match known.filter(|known| known.is_complete && known.token == network.token) {
                Some(known) => known,
                None => hand(client, engine, &network).await?,
            };
            self.handed.insert(network.instance, handed);
        }
        let gone = before.into_values().flat_map(|handed| handed.listeners.into_keys());
        let gone: BTreeSet<String> = gone.chain(std::mem::take(&mut self.inherited)).collect();
        for id in gone {
            let instances = self.handed.values();
            if !instances.into_iter().any(|handed| handed.listeners.contains_key(&id)) {
                client.unlisten(&id).await.map_err(|e| machine(&e))?;
            }
        }
        Ok(())
    }
}

/// Fetches every listener of an instance and hands it over. A shim that does not give one is asked again later: an
/// instance that is in trouble must not keep the others from their traffic.
async fn hand(client: &GatewayClient, engine: &LocalTarget, network: &InstanceNetwork) -> Result<Handed, Diagnostic> {
    let mut handed = Handed { token: network.token.clone(), listeners: BTreeMap::new(), is_complete: true };
    for inside in &network.loopback.listeners {
        let socket = match engine.inside_listener(network, &inside.name).await {
            Ok(socket) => socket,
            Err(problem) => {
                note(&problem.message);
                handed.is_complete = false;
                break;
            }
        };
        let id = format!("{PREFIX}{}/{}", network.instance, inside.name);
        let address = ListenAddress::Sandboxed { instance: network.instance.clone(), address: inside.address };
        client.listen(&id, &address, socket).await.map_err(|e| machine(&e))?;
        handed.listeners.insert(id, Listener { address, purpose: purpose(network, inside) });
    }
    Ok(handed)
}

/// Where what comes in on a listener goes, and who it is: nobody but this instance can come in there.
fn purpose(network: &InstanceNetwork, inside: &InsideListener) -> Purpose {
    let InstanceNetwork { app, environment, service, .. } = network;
    let caller = format!("{app}/{environment}/{service}");
    match &inside.leads_to {
        LeadsTo::Call(pool) => Purpose::Internal { pool: pool.0.clone(), caller: Some(service.to_string()) },
        LeadsTo::Egress(egress) => Purpose::Egress { caller, to: vec![egress.clone()], proxy: false },
        LeadsTo::Proxy(all) => Purpose::Egress { caller, to: all.clone(), proxy: true },
    }
}
