//! What a revision's programs lack, in words: what `status` says of programs that were not written for this.

use seaworthy_deploy::counters::{Counters, PoolCounters};
use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::service::{Health, Port, Protocol, Update};
use seaworthy_model::units::format_duration;
use std::collections::{BTreeMap, BTreeSet};

/// With fewer answers nothing is said of a service's connections.
const ANSWERS_MIN: u64 = 10;

/// Names that the programs of a service looked up and that are not declared.
pub(crate) type UnknownNames = BTreeMap<PoolId, BTreeSet<String>>;

/// What is declared and not enforced, then what the services lack, a line each.
/// `deaf` are the services that had to be killed when they last ended.
pub(crate) fn notes(
    revision: &Revision,
    deaf: &BTreeSet<String>,
    counters: &Counters,
    unknown: &UnknownNames,
) -> Vec<String> {
    let lacking = revision.pools.values().flat_map(|pool| {
        let mut lines = lacks(pool);
        lines.extend(unknown.get(&pool.id).into_iter().flatten().map(|name| undeclared(revision, pool, name)));
        if deaf.contains(pool.service.as_str()) {
            let (service, grace) = (&pool.service, format_duration(pool.tuning.grace));
            lines.push(format!("`{service}` does not end on SIGTERM: it is killed after its grace time, {grace}"));
        }
        if counters.get(&pool.id).is_some_and(closes_connections) {
            let service = &pool.service;
            lines.push(format!("`{service}` closes its connection after an answer: each request makes a new one"));
        }
        lines
    });
    revision.not_enforced.iter().cloned().chain(lacking).collect()
}

/// Whether most answers, of more than a few, ended their connection.
fn closes_connections(counted: &PoolCounters) -> bool {
    counted.closed >= ANSWERS_MIN && counted.closed > counted.requests / 2
}

/// What to declare, so that a name exists inside.
fn undeclared(revision: &Revision, pool: &PoolSpec, name: &str) -> String {
    let service = &pool.service;
    let is_service = revision.pools.keys().any(|known| known.as_str() == name);
    let add = if is_service { format!("calls = [\"{name}\"]") } else { format!("egress = [\"{name}:PORT\"]") };
    format!("`{service}` looked up the name `{name}`, which it does not declare; to allow it, add `{add}`")
}

fn lacks(pool: &PoolSpec) -> Vec<String> {
    let name = &pool.service;
    let mut lines = Vec::new();
    if pool.protocol == Protocol::Http && pool.health == Health::Connect && pool.port != Port::None {
        lines.push(format!("`{name}` has no health page (`health`): only that it accepts connections is checked"));
    }
    // In networks of their own any number of them listen on one.
    if let (Port::Fixed(port), None) = (pool.port, &pool.sandbox) {
        lines.push(format!("`{name}` listens on {port} whatever it is told: one instance at a time"));
    }
    if pool.update == Update::Replace && pool.port != Port::None {
        lines.push(format!("`{name}` is replaced, not joined: its requests wait while it changes over"));
    }
    lines
}
