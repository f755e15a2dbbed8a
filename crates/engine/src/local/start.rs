//! Bringing a pool to the number of instances that it is to have.

use super::engine::{Engine, new_token};
use super::keeper;
use super::live::{Live, View};
use super::prepare::{Start, prepare_aside};
use super::{leftovers, ports, stop};
use crate::database::InstanceRecord;
use crate::events::Happening;
use crate::spawn::spawn;
use crate::wire::Mode;
use futures_util::stream::{self, StreamExt as _};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::lock::Lock;
use seaworthy_model::pool::PoolSpec;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

/// Instances that are started at once: each copies files.
pub(super) const STARTS_AT_ONCE: usize = 8;

/// What came of an attempt to start an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Started {
    /// It was started.
    Now,
    /// Its shim runs already.
    Already,
}

pub(super) async fn start(engine: &Arc<Engine>, spec: &PoolSpec) -> Result<(), Diagnostic> {
    let _change = engine.change(&spec.id.0).await;
    engine.database.want_pool(spec)?;
    let records = engine.database.instances(&spec.id)?;
    let mut wanted = Vec::new();
    for slot in 0..spec.tuning.replicas {
        let record = match records.iter().find(|record| record.slot == slot) {
            Some(record) => record.clone(),
            None => new_record(spec, slot),
        };
        wanted.push(InstanceRecord { retired: false, ..record });
    }
    let mut results =
        stream::iter(wanted).map(|record| bring_up(engine, spec, record)).buffer_unordered(STARTS_AT_ONCE);
    let mut first_error = Ok(());
    while let Some(result) = results.next().await {
        first_error = first_error.and(result);
    }
    drop(results);
    for excess in records.into_iter().filter(|record| record.slot >= spec.tuning.replicas) {
        stop::retire(engine, spec, excess)?;
    }
    first_error
}

pub(super) fn new_record(spec: &PoolSpec, slot: u16) -> InstanceRecord {
    let (id, pool, token) = (spec.id.instance(slot), spec.id.clone(), String::new());
    InstanceRecord { id, pool, slot, port: None, token, ipv6: false, retired: false }
}

/// Starts an instance unless it runs, and puts a keeper beside it.
async fn bring_up(engine: &Arc<Engine>, spec: &PoolSpec, mut record: InstanceRecord) -> Result<(), Diagnostic> {
    if engine.live(&record.id).is_some_and(|live| live.is_stopping()) {
        // Whoever was ending it had to leave off half-way, for a deployment that wants it again.
        let slot = record.slot;
        stop::stop_instance(engine, spec, record).await?;
        record = new_record(spec, slot);
    }
    if let Some(live) = engine.live(&record.id) {
        let was_retired = live.view.send_if_modified(|view| std::mem::take(&mut view.retired));
        if was_retired {
            engine.database.put_instance(&record)?;
        }
        return Ok(());
    }
    let (id, ipv6) = (record.id.clone(), record.ipv6);
    let (started, record) = start_instance(engine, spec, record).await?;
    if started == Started::Already {
        // Its keeper compares what runs with the record, and puts the right thing there.
        engine.database.put_instance(&record)?;
    }
    let view = View { address: address(record.port, ipv6), ..View::default() };
    keep(engine, spec, Live::new(id, spec.id.clone(), view), Happening::Started { pid: None });
    Ok(())
}

/// Puts a keeper beside an instance that runs (or is to).
pub(super) fn keep(engine: &Arc<Engine>, spec: &PoolSpec, mut live: Live, happening: Happening) {
    live.entrance = spec.sandbox.as_ref().map(|_| engine.folders.instance(&live.id.0).entrance);
    let live = Arc::new(live);
    engine.add_live(Arc::clone(&live));
    let keeper = tokio::spawn(keeper::keep(Arc::clone(engine), spec.clone(), Arc::clone(&live), happening));
    live.set_keeper(keeper.abort_handle());
}

/// Starts an instance's shim unless it runs. What is to be is written down first; the lock says what is.
pub(super) async fn start_instance(
    engine: &Arc<Engine>,
    spec: &PoolSpec,
    mut record: InstanceRecord,
) -> Result<(Started, InstanceRecord), Diagnostic> {
    let folders = engine.folders.instance(&record.id.0);
    folders.make_root()?;
    let Some(lock) = Lock::try_acquire(&folders.lock)? else { return Ok((Started::Already, record)) };
    leftovers::end(&folders).await?;
    record.token = new_token();
    let record = ports::record_start(engine, spec, record)?;
    let start = Start {
        id: record.id.0.clone(),
        token: record.token.clone(),
        run: spec.run.clone(),
        mode: Mode::Service,
        port: record.port,
        callees: engine.callees(spec).await?,
    };
    let shim_spec = prepare_aside(engine, spec, start).await?;
    spawn(&engine.options.shim, &shim_spec, &folders, lock).await?;
    Ok((Started::Now, record))
}

/// Where an instance with this port listens.
pub(super) fn address(port: Option<u16>, ipv6: bool) -> Option<SocketAddr> {
    let v4 = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let v6 = |port| SocketAddr::from((Ipv6Addr::LOCALHOST, port));
    port.map(|port| if ipv6 { v6(port) } else { v4(port) })
}
