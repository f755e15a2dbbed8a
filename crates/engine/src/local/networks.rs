//! The networks of instances and commands, for whoever carries what goes in and out.

use super::engine::Engine;
use crate::loopback::Loopback;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::pool::PoolSpec;
use std::path::PathBuf;
use std::sync::PoisonError;

/// The network of one instance (or of one command that runs once).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceNetwork {
    /// Its id.
    pub instance: String,
    /// Of its start: with another token, everything that stood in the network stands there anew.
    pub token: String,
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The service.
    pub service: Name,
    /// The way in.
    pub entrance: PathBuf,
    /// What stands there.
    pub loopback: Loopback,
}

/// All of them, from what the engine remembers: its keepers may not have heard of the newest ones yet.
pub(super) fn networks(engine: &Engine) -> Result<Vec<InstanceNetwork>, Diagnostic> {
    let mut networks = Vec::new();
    for pool in engine.database.pools()? {
        if pool.spec.sandbox.is_none() {
            continue;
        }
        for record in engine.database.instances(&pool.spec.id)? {
            networks.extend(network(engine, &pool.spec, &record.id.0, &record.token, record.port));
        }
    }
    let commands = engine.command_networks.lock().unwrap_or_else(PoisonError::into_inner);
    networks.extend(commands.values().cloned());
    Ok(networks)
}

fn network(engine: &Engine, spec: &PoolSpec, id: &str, token: &str, port: Option<u16>) -> Option<InstanceNetwork> {
    let loopback = Loopback::plan(spec, spec.sandbox.as_ref()?, port);
    Some(InstanceNetwork {
        instance: id.to_owned(),
        token: token.to_owned(),
        app: spec.app.clone(),
        environment: spec.environment.clone(),
        service: spec.service.clone(),
        entrance: engine.folders.instance(id).entrance,
        loopback,
    })
}

/// Takes note of a command that is about to run.
pub(super) fn add_command(engine: &Engine, spec: &PoolSpec, id: &str, token: &str) {
    if let Some(network) = network(engine, spec, id, token, None) {
        engine.command_networks.lock().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), network);
    }
}

/// It has ended.
pub(super) fn remove_command(engine: &Engine, id: &str) {
    engine.command_networks.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
}
