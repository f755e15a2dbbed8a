//! What runs, and how it is.

use super::engine::Engine;
use super::keeper::EVIDENCE_LINES;
use super::live::{Live, View, is_crash_loop};
use crate::database::InstanceRecord;
use crate::wire::{Exit, ShimPhase};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::process;
use seaworthy_model::pool::{InstanceId, PoolSpec};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::SystemTime;

/// A pool and its instances.
#[derive(Debug, Clone)]
pub struct PoolStatus {
    /// What it is.
    pub spec: PoolSpec,
    /// False: its end is under way.
    pub wanted: bool,
    /// By slot.
    pub instances: Vec<InstanceStatus>,
}

/// What an instance is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// It has not been healthy yet.
    Starting,
    /// It runs.
    Running,
    /// It ended and is started again.
    Restarting,
    /// It ends again and again.
    CrashLoop,
    /// It was asked to end.
    Stopping,
    /// It does not run, and nobody is about to start it.
    Stopped,
}

/// An instance.
#[derive(Debug, Clone)]
pub struct InstanceStatus {
    /// Its id.
    pub id: InstanceId,
    /// What it is doing.
    pub state: InstanceState,
    /// It is one too many: it gets no new requests and ends soon.
    pub retired: bool,
    /// The program's process id.
    pub pid: Option<u32>,
    /// The shim's process id.
    pub shim_pid: Option<u32>,
    /// Where it listens; `None`: a worker.
    pub address: Option<SocketAddr>,
    /// When the program was started.
    pub started_at: Option<SystemTime>,
    /// How often the program was started again.
    pub restarts: u64,
    /// How it last ended.
    pub last_exit: Option<Exit>,
    /// Bytes of memory of the program and its children.
    pub memory_bytes: Option<u64>,
    /// Log lines that could not be written.
    pub dropped_lines: u64,
    /// Names that its program looked up and that are not declared; the first few.
    pub unknown_names: Vec<String>,
    /// Why it could not be started anew.
    pub problem: Option<Diagnostic>,
    /// The last lines of its log, when something is wrong.
    pub last_lines: Vec<String>,
}

pub(super) fn status(engine: &Engine) -> Result<Vec<PoolStatus>, Diagnostic> {
    let sessions = process::sessions();
    let mut pools = Vec::new();
    for pool in engine.database.pools()? {
        let records = engine.database.instances(&pool.spec.id)?;
        let instances = records.into_iter().map(|record| instance(engine, &pool.spec, &record, &sessions)).collect();
        pools.push(PoolStatus { spec: pool.spec, wanted: pool.wanted, instances });
    }
    Ok(pools)
}

fn instance(
    engine: &Engine,
    spec: &PoolSpec,
    record: &InstanceRecord,
    sessions: &BTreeMap<u32, Vec<u32>>,
) -> InstanceStatus {
    let live = engine.live(&record.id);
    let view = live.as_ref().map(|live| live.view.borrow().clone()).unwrap_or_default();
    let state = live.as_ref().map_or(InstanceState::Stopped, |live| state(live, &view));
    let wrong = matches!(state, InstanceState::CrashLoop | InstanceState::Restarting);
    let last_lines = if wrong { engine.last_lines(spec, &record.id.0, EVIDENCE_LINES) } else { Vec::new() };
    let shim = view.shim.as_ref();
    let program = shim.and_then(|shim| shim.program.as_ref());
    let members = program.and_then(|program| sessions.get(&program.pid));
    InstanceStatus {
        id: record.id.clone(),
        state,
        retired: record.retired,
        pid: program.map(|program| program.pid),
        shim_pid: shim.map(|shim| shim.shim_pid),
        address: view.address,
        started_at: program.map(|program| program.started_at),
        restarts: shim.map_or(0, |shim| shim.restarts),
        last_exit: shim.and_then(|shim| shim.last_exit.clone()),
        memory_bytes: members.map(|pids| pids.iter().filter_map(|pid| process::memory_bytes(*pid)).sum()),
        dropped_lines: shim.map_or(0, |shim| shim.dropped_lines),
        unknown_names: shim.map(|shim| shim.unknown_names.clone()).unwrap_or_default(),
        problem: view.problem.map(|problem| *problem),
        last_lines,
    }
}

fn state(live: &Live, view: &View) -> InstanceState {
    if live.is_stopping() {
        return InstanceState::Stopping;
    }
    let Some(shim) = &view.shim else {
        return if view.was_healthy { InstanceState::Restarting } else { InstanceState::Starting };
    };
    match shim.phase {
        _ if is_crash_loop(shim) => InstanceState::CrashLoop,
        ShimPhase::Waiting => InstanceState::Restarting,
        ShimPhase::Stopping | ShimPhase::Ended => InstanceState::Stopping,
        ShimPhase::Running if view.was_healthy => InstanceState::Running,
        ShimPhase::Running => InstanceState::Starting,
    }
}
