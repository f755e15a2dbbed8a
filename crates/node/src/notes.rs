//! What a revision's programs lack, in words: what `status` says of programs that were not written for this.

use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::PoolSpec;
use seaworthy_model::service::{Health, Port, Protocol, Update};

/// What is declared and not enforced, then what the services lack, a line each.
pub(crate) fn notes(revision: &Revision) -> Vec<String> {
    let lacking = revision.pools.values().flat_map(lacks);
    revision.not_enforced.iter().cloned().chain(lacking).collect()
}

fn lacks(pool: &PoolSpec) -> Vec<String> {
    let name = &pool.service;
    let mut lines = Vec::new();
    if pool.protocol == Protocol::Http && pool.health == Health::Connect && pool.port != Port::None {
        lines.push(format!("`{name}` has no health page (`health`): only that it accepts connections is checked"));
    }
    if let Port::Fixed(port) = pool.port {
        lines.push(format!("`{name}` listens on {port} whatever it is told: one instance at a time"));
    }
    if pool.update == Update::Replace && pool.port != Port::None {
        lines.push(format!("`{name}` is replaced, not joined: its requests wait while it changes over"));
    }
    lines
}
