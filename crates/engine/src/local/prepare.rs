//! Everything that a program needs before it can start: its files, folders, values and user.

use super::GATEWAY_USER;
use super::engine::Engine;
use super::sandbox::Inside;
use crate::calls::Reach;
use crate::environment::{self, Facts};
use crate::folders::InstanceFolders;
use crate::loopback::Loopback;
use crate::materialise::materialise;
use crate::place::Place;
use crate::program::{self, Runner};
use crate::wire::{Isolation, Mode, Network, NetworkListener, Redirect, ShimSpec, VERSION};
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::files;
use seaworthy_model::Name;
use seaworthy_model::pool::PoolSpec;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// What is to be started.
#[derive(Debug, Clone)]
pub(super) struct Start {
    /// The instance's or the command's id.
    pub(super) id: String,
    /// Of this start.
    pub(super) token: String,
    /// Program and arguments.
    pub(super) run: Vec<String>,
    pub(super) mode: Mode,
    pub(super) port: Option<u16>,
    pub(super) callees: BTreeMap<Name, Reach>,
}

/// Where a program finds what it needs, by the paths that it sees itself.
pub(super) struct Placed {
    pub(super) program: PathBuf,
    pub(super) working_directory: PathBuf,
    pub(super) home: PathBuf,
    pub(super) temporary: PathBuf,
    pub(super) volumes: BTreeMap<Name, PathBuf>,
    /// Variables that its image gives it.
    pub(super) environment: BTreeMap<String, String>,
    pub(super) isolation: Isolation,
}

/// Makes the files and folders, and the specification for the shim. Copies files: not for an async thread.
pub(super) fn prepare(engine: &Engine, spec: &PoolSpec, start: Start) -> Result<ShimSpec, Diagnostic> {
    let user = engine.user(spec)?;
    let folders = engine.folders.instance(&start.id);
    folders.make_root()?;
    forget_last_start(&folders)?;
    engine.folders.make_volumes(spec, user)?;
    let Some((name, arguments)) = start.run.split_first() else {
        return Err(Diagnostic::user(format!("`{}` has nothing to run", spec.service)).help("set `run`"));
    };
    let loopback = spec.sandbox.as_ref().map(|sandbox| Loopback::plan(spec, sandbox, start.port));
    let network = loopback.as_ref().map(|loopback| network(engine, &folders, loopback)).transpose()?;
    let placed = match &spec.sandbox {
        None => on_the_machine(engine, spec, name, &folders, user)?,
        Some(sandbox) => {
            let hosts = loopback.as_ref().map(|loopback| loopback.hosts.clone()).unwrap_or_default();
            let resolver = loopback.as_ref().and_then(|loopback| loopback.resolver);
            super::sandbox::place(engine, spec, sandbox, name, &start.id, Inside { user, hosts, resolver })?
        }
    };
    let facts = Facts {
        home: placed.home,
        temporary: placed.temporary,
        port: start.port,
        volumes: placed.volumes,
        callees: start.callees,
        loopback,
        image: placed.environment,
    };
    let log = engine.log(spec, &start.id);
    if let Some(folder) = log.parent() {
        files::create_directory(folder, 0o700)?;
    }
    Ok(ShimSpec {
        version: VERSION,
        instance: start.id,
        token: start.token,
        program: placed.program,
        name: name.clone(),
        arguments: arguments.to_vec(),
        environment: environment::build(spec, &facts)?,
        working_directory: placed.working_directory,
        user,
        isolation: placed.isolation,
        mode: start.mode,
        grace: spec.tuning.grace,
        directory: folders.root,
        socket: folders.socket,
        log,
        log_limits: engine.options.log_limits,
        back_off: engine.options.back_off,
        network,
    })
}

/// What the shim puts into the instance's network.
fn network(engine: &Engine, folders: &InstanceFolders, loopback: &Loopback) -> Result<Network, Diagnostic> {
    engine.folders.make_entrances()?;
    let listener = |listener: &crate::loopback::InsideListener| NetworkListener {
        name: listener.name.clone(),
        address: listener.stands_at,
    };
    Ok(Network {
        entrance: folders.entrance.clone(),
        gateway: engine.reserved_user(GATEWAY_USER),
        listeners: loopback.listeners.iter().map(listener).collect(),
        addresses: loopback.addresses.clone(),
        redirects: loopback.redirects().map(|(from, to)| Redirect { from, to }).collect(),
    })
}

/// Without a sandbox: a private copy of the image's files, and folders of the service's own.
fn on_the_machine(
    engine: &Engine,
    spec: &PoolSpec,
    program: &str,
    folders: &InstanceFolders,
    user: Option<u32>,
) -> Result<Placed, Diagnostic> {
    materialise(&engine.options.blobs, &spec.image, &folders.app, user)?;
    folders.make_private(user)?;
    let volumes = spec.volumes.keys().map(|volume| (volume.clone(), engine.folders.volume(spec, volume)));
    Ok(Placed {
        program: program::find(program, Place::Machine(&folders.app), Runner { user })?,
        working_directory: folders.app.clone(),
        home: folders.home.clone(),
        temporary: folders.temporary.clone(),
        volumes: volumes.collect(),
        environment: BTreeMap::new(),
        isolation: Isolation::Process,
    })
}

fn forget_last_start(folders: &InstanceFolders) -> Result<(), Diagnostic> {
    for name in [crate::folders::STATE_FILE, crate::folders::EXIT_FILE] {
        files::remove_tree(&folders.root.join(name))?;
    }
    Ok(())
}

/// [`prepare`] on a thread of its own.
pub(super) async fn prepare_aside(engine: &Arc<Engine>, spec: &PoolSpec, start: Start) -> Result<ShimSpec, Diagnostic> {
    let (engine, spec) = (Arc::clone(engine), spec.clone());
    let prepared = tokio::task::spawn_blocking(move || prepare(&engine, &spec, start)).await;
    prepared.unwrap_or_else(|error| Err(Diagnostic::new(Fault::Seaworthy, format!("cannot prepare a start: {error}"))))
}
