//! What makes a pool the same pool: everything that an instance could notice, and the same of all that it calls.

use super::sandbox::sandbox as sandbox_of;
use super::{Values, Wanted};
use crate::pool::{PoolId, Sandbox};
use crate::release::{EnvironmentSpec, ServiceRelease};
use crate::service::{Health, Port, Protocol};
use crate::template::Template;
use crate::{Digest, Name};
use seaworthy_diagnostics::Diagnostic;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What an instance could notice. Changing the meaning of a field needs another `format`.
#[derive(Serialize)]
struct Identity<'a> {
    format: u32,
    image: &'a Digest,
    run: &'a [String],
    before: &'a [Vec<String>],
    port: Port,
    protocol: Protocol,
    health: &'a Health,
    calls: BTreeSet<&'a Name>,
    volumes: &'a BTreeMap<Name, String>,
    env: &'a BTreeMap<String, Template>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox: Option<Sandbox>,
}

/// `APP-ENV-SERVICE-HASH` by service. The hash covers the service's own identity and those of every service that it
/// calls, directly or through others, so that calls may be circular.
pub(super) fn pool_ids(
    wanted: &Wanted<'_>,
    values: &Values,
    spec: &EnvironmentSpec,
    sandbox: bool,
    errors: &mut Vec<Diagnostic>,
) -> BTreeMap<Name, PoolId> {
    let none = BTreeMap::new();
    let services = &wanted.release.services;
    let own: BTreeMap<&Name, Digest> = services
        .iter()
        .map(|(name, service)| {
            let sandbox = sandbox.then(|| sandbox_of(name, wanted.release, spec));
            (name, own_identity(service, values.get(name).unwrap_or(&none), sandbox))
        })
        .collect();
    let mut ids = BTreeMap::new();
    for name in services.keys() {
        let reached = reached(name, services);
        let unknown = services[name].service.calls.iter().filter(|callee| !services.contains_key(*callee));
        errors.extend(unknown.map(|callee| {
            Diagnostic::user(format!("`{name}` calls `{callee}`, which the release does not have"))
                .help(format!("deploy `{callee}` too"))
        }));
        let identities: Vec<(&Name, &Digest)> = reached.iter().map(|name| (*name, &own[name])).collect();
        let hash = Digest::of_json(&(name, identities));
        let id = format!("{}-{}-{name}-{}", wanted.release.app, wanted.environment, &hash.hex()[..8]);
        ids.insert(name.clone(), PoolId(id));
    }
    ids
}

fn own_identity(service: &ServiceRelease, env: &BTreeMap<String, Template>, sandbox: Option<Sandbox>) -> Digest {
    let runtime = &service.service;
    Digest::of_json(&Identity {
        format: 1,
        image: &service.image,
        run: &runtime.run,
        before: &runtime.before,
        port: runtime.port,
        protocol: runtime.protocol,
        health: &runtime.health,
        calls: runtime.calls.iter().collect(),
        volumes: &runtime.volumes,
        env,
        sandbox,
    })
}

/// A service and all that it calls, directly or through others.
fn reached<'a>(start: &'a Name, services: &'a BTreeMap<Name, ServiceRelease>) -> BTreeSet<&'a Name> {
    let mut reached = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(name) = open.pop() {
        let calls = services[name].service.calls.iter().filter(|callee| services.contains_key(*callee));
        open.extend(calls.filter(|callee| reached.insert(callee)));
    }
    reached
}
