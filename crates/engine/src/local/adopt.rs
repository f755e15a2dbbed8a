//! Coming back: finding everything that runs, going on with it, and starting what does not.

use super::engine::Engine;
use super::live::{Live, View};
use super::start::{STARTS_AT_ONCE, Started, address, keep, new_record, start_instance};
use super::{leftovers, run, stop};
use crate::client::ShimClient;
use crate::database::{InstanceRecord, PoolRecord};
use crate::events::Happening;
use crate::wire::Want;
use futures_util::stream::{self, StreamExt as _};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use seaworthy_host::lock::Lock;
use seaworthy_host::process;
use seaworthy_model::pool::{InstanceId, PoolSpec};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a shim that holds its lock may be out of reach before it is killed: it may just be starting.
const OUT_OF_REACH: Duration = Duration::from_secs(10);
/// What an orphan gets to end in peace.
const ORPHAN_GRACE: Duration = Duration::from_secs(10);

/// What a node that came back found.
#[derive(Debug, Clone, Default)]
pub struct Adopted {
    /// Ran, and run on.
    pub adopted: Vec<InstanceId>,
    /// Did not run any more, and were started again.
    pub started: Vec<InstanceId>,
    /// Could not be started; they are tried again.
    pub failed: Vec<(InstanceId, Diagnostic)>,
    /// Were not wanted any more, and were ended and removed.
    pub removed: Vec<String>,
}

pub(super) async fn adopt(engine: &Arc<Engine>) -> Result<Adopted, Diagnostic> {
    let mut adopted = Adopted::default();
    let mut work = Vec::new();
    for pool in engine.database.pools()? {
        let records = engine.database.instances(&pool.spec.id)?;
        let slots = if pool.wanted { 0..pool.spec.tuning.replicas } else { 0..0 };
        // A power cut may have taken back the record of an instance, never that of its pool.
        let missing = slots.filter(|slot| !records.iter().any(|record| record.slot == *slot));
        let missing: Vec<InstanceRecord> = missing.map(|slot| new_record(&pool.spec, slot)).collect();
        let all = records.into_iter().chain(missing).filter(|record| engine.live(&record.id).is_none());
        work.extend(all.map(|record| (pool.clone(), record)));
    }
    let mut results =
        stream::iter(work).map(|(pool, record)| take(engine, pool, record)).buffer_unordered(STARTS_AT_ONCE);
    while let Some((id, result)) = results.next().await {
        match result {
            Ok(Taken::Adopted) => adopted.adopted.push(id),
            Ok(Taken::Started) => adopted.started.push(id),
            Ok(Taken::Removed) => adopted.removed.push(id.0),
            Err(problem) => adopted.failed.push((id, problem)),
        }
    }
    drop(results);
    for pool in engine.database.pools()?.into_iter().filter(|pool| !pool.wanted) {
        engine.database.forget_pool(&pool.spec.id)?;
    }
    run::forget_all(engine)?;
    remove_orphans(engine, &mut adopted).await?;
    Ok(adopted)
}

enum Taken {
    Adopted,
    Started,
    Removed,
}

/// Takes one instance over.
async fn take(
    engine: &Arc<Engine>,
    pool: PoolRecord,
    record: InstanceRecord,
) -> (InstanceId, Result<Taken, Diagnostic>) {
    let id = record.id.clone();
    let _change = engine.change(&pool.spec.id.0).await;
    if !pool.wanted || record.retired {
        let result = stop::stop_instance(engine, &pool.spec, record).await;
        return (id, result.map(|()| Taken::Removed));
    }
    let view = View { address: address(record.port, record.ipv6), was_healthy: true, ..View::default() };
    match find_or_start(engine, &pool.spec, record).await {
        Ok((Started::Already, _)) => {
            let live = Live::new(id.clone(), pool.spec.id.clone(), view);
            keep(engine, &pool.spec, live, Happening::Adopted { pid: None });
            (id, Ok(Taken::Adopted))
        }
        Ok((Started::Now, record)) => {
            let view = View { address: address(record.port, record.ipv6), ..view };
            let live = Live::new(id.clone(), pool.spec.id.clone(), view);
            engine.tell(&pool.spec, &id, Happening::Lost);
            keep(engine, &pool.spec, live, Happening::Started { pid: None });
            (id, Ok(Taken::Started))
        }
        Err(problem) => {
            // The keeper goes on trying.
            let view = View { problem: Some(Box::new(problem.clone())), ..view };
            keep(
                engine,
                &pool.spec,
                Live::new(id.clone(), pool.spec.id.clone(), view),
                Happening::Started { pid: None },
            );
            (id, Err(problem))
        }
    }
}

/// Finds the shim by connecting to it; a dead one, or one of another start, is replaced.
async fn find_or_start(
    engine: &Arc<Engine>,
    spec: &PoolSpec,
    record: InstanceRecord,
) -> Result<(Started, InstanceRecord), Diagnostic> {
    let folders = engine.folders.instance(&record.id.0);
    folders.make_root()?;
    let out_of_reach = Instant::now() + OUT_OF_REACH;
    while Lock::try_acquire(&folders.lock)?.is_none() {
        match identity(&folders.socket, &record).await {
            Some(true) => return Ok((Started::Already, record)),
            Some(false) => leftovers::kill_shim(&folders),
            None if Instant::now() >= out_of_reach => leftovers::kill_shim(&folders),
            None => {}
        }
        if Instant::now() >= out_of_reach + OUT_OF_REACH {
            let message = format!("the shim of `{}` neither answers nor ends", record.id);
            return Err(Diagnostic::machine(message)
                .help("`ps -o pid,stat,wchan,args` shows what it waits for")
                .later());
        }
        sleep(Duration::from_millis(20)).await;
    }
    start_instance(engine, spec, record).await
}

/// Whether who answers there is the shim of this start, in this run of the machine; `None`: nobody answers.
async fn identity(socket: &std::path::Path, record: &InstanceRecord) -> Option<bool> {
    let mut client = ShimClient::connect(socket).await.ok()?;
    let state = client.ask(Want::Hello).await.ok()?.state;
    let same_program = state
        .program
        .as_ref()
        .is_none_or(|program| process::start_time(program.pid).is_none_or(|started| started == program.start_time));
    let same_start = state.token == record.token && state.instance == record.id.0;
    let same_shim = process::is_alive(state.shim_pid, state.shim_start_time);
    Some(same_start && same_shim && same_program && state.boot_id == process::boot_id())
}

/// Ends and removes what lies in the instances' folder and is in no record, and commands that nobody waits for.
async fn remove_orphans(engine: &Arc<Engine>, adopted: &mut Adopted) -> Result<(), Diagnostic> {
    let mut known = BTreeSet::new();
    for pool in engine.database.pools()? {
        known.extend(engine.database.instances(&pool.spec.id)?.into_iter().map(|record| record.id.0));
    }
    known.extend(engine.database.commands()?.into_iter().map(|record| record.id));
    let folder = engine.folders.instances();
    let entries = fs::read_dir(&folder).map_err(|error| FileError::new("read", &folder, error))?;
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let orphans: Vec<String> = names.filter(|name| !known.contains(name)).collect();
    // Side by side: whoever is deaf to SIGTERM keeps the node from serving for its grace time, not each for its own.
    let mut ended = stream::iter(orphans)
        .map(|name| async move { (stop::end(&engine.folders.instance(&name), ORPHAN_GRACE).await, name) })
        .buffer_unordered(STARTS_AT_ONCE);
    while let Some((result, name)) = ended.next().await {
        result?;
        adopted.removed.push(name);
    }
    Ok(())
}
