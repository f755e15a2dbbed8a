//! From what environments want to what the gateway is told: a pure function.

use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::release::RouteTo;
use seaworthy_model::routing::{
    Destination, Endpoint, Group, Listener, Pool, Purpose, ROUTING_FORMAT, Route, RouteVariant, RoutingTable,
    WeightedVariant,
};
use seaworthy_model::service::Health;
use seaworthy_model::traffic::{EnvironmentTraffic, Variant};
use std::collections::BTreeMap;

/// Everything that the table follows from.
pub(super) struct Facts<'a> {
    /// The traffic of every environment.
    pub environments: &'a [EnvironmentTraffic],
    /// Every pool that an environment's variants or a listener name.
    pub pools: &'a BTreeMap<PoolId, PoolSpec>,
    /// The instances that have an address now.
    pub endpoints: &'a BTreeMap<PoolId, Vec<Endpoint>>,
    /// The listeners.
    pub listeners: BTreeMap<String, Listener>,
    /// The number of the table.
    pub generation: u64,
}

/// The label of an environment's draw group.
pub(super) fn group_label(traffic: &EnvironmentTraffic) -> String {
    format!("{}/{}", traffic.app, traffic.environment)
}

/// Makes the whole table.
pub(super) fn compile(facts: Facts<'_>) -> RoutingTable {
    let mut table = RoutingTable {
        format: ROUTING_FORMAT,
        generation: facts.generation,
        listeners: BTreeMap::new(),
        groups: BTreeMap::new(),
        routes: Vec::new(),
        pools: facts.pools.values().map(|spec| (spec.id.0.clone(), pool(spec, &facts))).collect(),
    };
    for traffic in facts.environments {
        let variants = traffic.variants.iter();
        let variants = variants.map(|v| WeightedVariant { variant: v.revision.to_string(), weight: v.weight });
        table.groups.insert(group_label(traffic), Group { variants: variants.collect() });
        table.routes.extend(routes(traffic));
    }
    table.listeners = facts.listeners;
    table
}

fn pool(spec: &PoolSpec, facts: &Facts<'_>) -> Pool {
    let environment = facts.environments.iter().find(|t| t.app == spec.app && t.environment == spec.environment);
    let held = environment.is_some_and(|t| t.held.contains(&spec.id)).then_some(spec.tuning.hold);
    Pool {
        label: format!("{}/{}/{}", spec.app, spec.environment, spec.service),
        protocol: spec.protocol,
        endpoints: endpoints(spec, facts),
        health_path: match &spec.health {
            Health::Path(path) => Some(path.clone()),
            Health::Connect | Health::Alive => None,
        },
        held,
        drain: spec.tuning.drain,
    }
}

/// A pool's own instances, or those of the pool that answers for it while a `replace` service changes over.
fn endpoints(spec: &PoolSpec, facts: &Facts<'_>) -> Vec<Endpoint> {
    let of = |id: &PoolId| facts.endpoints.get(id).filter(|list| !list.is_empty());
    let answering = facts.environments.iter().find_map(|traffic| traffic.answered_by.get(&spec.id));
    of(&spec.id).or_else(|| of(answering?)).cloned().unwrap_or_default()
}

fn routes(traffic: &EnvironmentTraffic) -> Vec<Route> {
    // A route is its host and path: variants that declare the same place share it, whatever they call it.
    let mut places: BTreeMap<(String, String), Route> = BTreeMap::new();
    for variant in &traffic.variants {
        for (name, spec) in &variant.routes {
            let host = spec.host.to_ascii_lowercase();
            let route = places.entry((host.clone(), spec.path.clone())).or_insert_with(|| Route {
                id: format!("{}/{}/{name}", traffic.app, traffic.environment),
                group: group_label(traffic),
                host,
                path: spec.path.clone(),
                variants: BTreeMap::new(),
            });
            if let Some(to) = destination(&spec.to, variant) {
                let part = RouteVariant { to, sticky: spec.sticky.clone(), limits: spec.limits.clone() };
                route.variants.insert(variant.revision.to_string(), part);
            }
        }
    }
    places.into_values().collect()
}

fn destination(to: &RouteTo, variant: &Variant) -> Option<Destination> {
    match to {
        RouteTo::Service(service) => variant.pools.get(service).map(|pool| Destination::Pool(pool.0.clone())),
        RouteTo::Fanout(fanout) => {
            let pools: Option<Vec<String>> =
                fanout.services.iter().map(|service| variant.pools.get(service).map(|pool| pool.0.clone())).collect();
            pools.map(|pools| Destination::Fanout { fanout: fanout.clone(), pools })
        }
    }
}

/// The id of the listener on which calls to a pool arrive.
pub(super) fn call_listener(pool: &PoolId) -> String {
    format!("call/{pool}")
}

/// What arrives on that listener.
pub(super) fn call_purpose(pool: &PoolId) -> Purpose {
    Purpose::Internal { pool: pool.0.clone(), caller: None }
}

#[cfg(test)]
#[path = "compile_tests.rs"]
mod tests;
