//! The node's process, from its start to its end.

use crate::delivery::Delivery;
use crate::deployments::Deployments;
use crate::exec::Execs;
use crate::failure::machine;
use crate::identities::Identities;
use crate::isolation::Isolation;
use crate::jobs::Jobs;
use crate::journal::StoreJournal;
use crate::options::Options;
use crate::peer::Access;
use crate::routes::{Connection, Door, router};
use crate::traffic::{GatewayTraffic, LateCalls};
use crate::{Node, delivery, garbage, jobs, registry, stopped, supervise, throwaway};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::{EngineOptions, LocalTarget};
use seaworthy_gateway::control::StartOptions;
use seaworthy_host::{clock, files, lock::Lock, peer};
use seaworthy_store::Store;
use seaworthy_store::blobs::Blobs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

/// Handles as many things at once as a small machine has to offer; its work is waiting.
const THREADS: usize = 2;

/// How long a node that was told to end may take until the next one gives up.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// Runs the node until it is told to end.
#[must_use]
pub fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(3).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(THREADS)
        .enable_all()
        .build()
        .map_err(|e| machine(&e));
    let ended = Options::from_environment(&words).and_then(|options| runtime?.block_on(run(options)));
    match ended {
        Ok(Why::Wanted) => ExitCode::from(stopped::EXIT_CODE),
        Ok(Why::Otherwise) => ExitCode::SUCCESS,
        Err(error) => {
            supervise::complain(&error);
            ExitCode::FAILURE
        }
    }
}

/// Why a node ended.
enum Why {
    /// Somebody stopped it: nothing shall start it again by itself.
    Wanted,
    Otherwise,
}

async fn run(options: Options) -> Result<Why, Diagnostic> {
    // Held until the process ends: one home has one node.
    let Some(_lock) = only_node(&options).await? else {
        supervise::note("another node of this home runs already");
        return Ok(Why::Otherwise);
    };
    // Whoever starts it wants it, even if it does not come as far as to answer.
    stopped::forget(&options.home, &options.socket)?;
    let socket = options.socket.clone();
    let access = access(&options)?;
    let node = assemble(options).await?;
    for failure in node.bring_back().await {
        supervise::complain(&failure);
    }
    tokio::spawn(supervise::keep_gateway(Arc::clone(&node)));
    tokio::spawn(supervise::follow_instances(Arc::clone(&node)));
    tokio::spawn(garbage::keep_tidy(Arc::clone(&node)));
    delivery::begin(&node);
    tokio::spawn(jobs::keep_jobs(Arc::clone(&node)));
    let listener = bind(&socket, &access)?;
    supervise::note(&format!("the node serves on {}", socket.display()));
    if node.options.throwaway {
        tokio::select! {
            served = serve(&node, Door::new(listener, access)) => {
                served?;
            }
            () = throwaway::until_let_go() => {}
        }
        throwaway::vanish(&node).await;
        return Ok(Why::Otherwise);
    }
    let why = serve(&node, Door::new(listener, access)).await?;
    supervise::note("the node ends");
    Ok(why)
}

/// The lock of the home; `None` when another node of it answers. One that does not is about to end.
async fn only_node(options: &Options) -> Result<Option<Lock>, Diagnostic> {
    let until = Instant::now() + LOCK_WAIT;
    loop {
        let lock = Lock::try_acquire(&options.home.join("node.lock")).map_err(|e| machine(&e))?;
        if lock.is_some() || crate::start::answers(&options.socket).await || Instant::now() >= until {
            return Ok(lock);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn access(options: &Options) -> Result<Access, Diagnostic> {
    let group = match &options.group {
        None => None,
        Some(name) => Some(peer::group_id(name).ok_or_else(|| {
            Diagnostic::machine(format!("there is no group `{name}`")).help(format!("`groupadd --system {name}`"))
        })?),
    };
    Ok(Access { owner: peer::effective_uid(), group })
}

async fn assemble(options: Options) -> Result<Arc<Node>, Diagnostic> {
    let home = options.home.clone();
    // The blobs and the store are nobody's business but the node's.
    let state = home.join("node");
    files::create_directory(&state, 0o711).map_err(|e| machine(&e))?;
    let store = Arc::new(Store::open(&state)?);
    let blobs = Blobs::open(&state)?;
    let calls = LateCalls::default();
    let engine = Arc::new(LocalTarget::open(EngineOptions::new(home.clone(), blobs.clone()))?);
    engine.set_call_addresses(Arc::new(calls.clone()));
    let isolation = Isolation::find(&engine);
    let identities = Identities::of(&engine);
    let start = gateway_folders(&options, &identities)?;
    let traffic = GatewayTraffic::start(
        &home,
        start,
        options.listen.clone(),
        &identities,
        Arc::clone(&store),
        Arc::clone(&engine),
    )
    .await?;
    let traffic = Arc::new(traffic);
    calls.set(&traffic);
    for (instance, failure) in engine.adopt().await?.failed {
        supervise::note(&format!("{instance} could not be brought back; it is tried again"));
        supervise::complain(&failure);
    }
    traffic.refresh().await?;
    let registry = registry::start(&options, &store, &blobs).await?;
    let webhook = delivery::webhook::bind(&options).await?;
    let journal = Arc::new(StoreJournal::new(Arc::clone(&store)));
    Ok(Arc::new(Node {
        options,
        store,
        blobs,
        engine,
        traffic,
        journal,
        isolation,
        deployments: Deployments::default(),
        execs: Execs::default(),
        delivery: Delivery::new(webhook),
        jobs: Jobs::default(),
        untidy: Notify::new(),
        registry,
        ending: watch::channel(false).0,
        started_at: clock::now(),
    }))
}

/// The gateway's folders, which are its user's own.
fn gateway_folders(options: &Options, identities: &Identities) -> Result<StartOptions, Diagnostic> {
    let own = |path: PathBuf, mode: u32| -> Result<PathBuf, Diagnostic> {
        files::create_directory(&path, mode).map_err(|e| machine(&e))?;
        if let Some((uid, gid)) = identities.gateway {
            files::change_owner(&path, uid, gid).map_err(|e| machine(&e))?;
        }
        Ok(path)
    };
    Ok(StartOptions {
        runtime_dir: own(options.runtime.join("gateway"), 0o700)?,
        state_dir: own(options.home.join("gateway"), 0o700)?,
        user: identities.gateway,
        roles: seaworthy_gateway::control::Roles::default(),
    })
}

fn bind(socket: &Path, access: &Access) -> Result<UnixListener, Diagnostic> {
    // The lock says that whoever made this socket is gone.
    let _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket)
        .map_err(|e| Diagnostic::machine(format!("cannot listen on `{}`: {e}", socket.display())))?;
    match access.group {
        None => files::set_mode(socket, 0o600).map_err(|e| machine(&e))?,
        Some(group) => {
            files::change_owner(socket, access.owner, group).map_err(|e| machine(&e))?;
            files::set_mode(socket, 0o660).map_err(|e| machine(&e))?;
            if let Some(folder) = socket.parent() {
                files::change_owner(folder, access.owner, group).map_err(|e| machine(&e))?;
            }
        }
    }
    Ok(listener)
}

async fn serve(node: &Arc<Node>, door: Door) -> Result<Why, Diagnostic> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| machine(&e))?;
    let mut told = node.ending.subscribe();
    let service = router(Arc::clone(node)).into_make_service_with_connect_info::<Connection>();
    // Followers would keep a graceful end waiting for as long as they follow: they connect again.
    tokio::select! {
        served = async { axum::serve(door, service).await } => {
            served.map(|()| Why::Otherwise).map_err(|e| machine(&e))
        }
        _ = terminate.recv() => Ok(Why::Otherwise),
        _ = told.wait_for(|ending| *ending) => {
            // The answer to whoever asked goes out first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok(Why::Wanted)
        }
    }
}
