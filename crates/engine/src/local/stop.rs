//! Ending pools, instances and commands, until nothing of them is left.

use super::engine::Engine;
use super::{instance_logs, leftovers};
use crate::client::ShimClient;
use crate::database::InstanceRecord;
use crate::events::Happening;
use crate::folders::InstanceFolders;
use crate::wire::{ExitKind, Message, ShimEvent, Want};
use futures_util::future::join_all;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::lock::Lock;
use seaworthy_model::pool::{PoolId, PoolSpec};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long a shim may take beyond the grace time: it waits 10 s for killed processes.
const BEYOND_GRACE: Duration = Duration::from_secs(15);
/// How long a shim that holds its lock may be out of reach (it may just be starting).
const OUT_OF_REACH: Duration = Duration::from_secs(5);

pub(super) async fn stop(engine: &Arc<Engine>, pool: &PoolId) -> Result<(), Diagnostic> {
    stop_commands(engine, pool).await?;
    let Some(record) = engine.database.pool(pool)? else { return Ok(()) };
    engine.database.unwant_pool(pool)?;
    for instance in engine.database.instances(pool)? {
        if let Some(live) = engine.live(&instance.id) {
            live.set_stopping();
        }
    }
    let _change = engine.change(&pool.0).await;
    let instances = engine.database.instances(pool)?;
    let stops = instances.into_iter().map(|instance| stop_instance(engine, &record.spec, instance));
    join_all(stops).await.into_iter().collect::<Result<(), Diagnostic>>()?;
    // What could not be started has no record, and may have left its folder.
    for slot in 0..record.spec.tuning.replicas {
        end(&engine.folders.instance(&pool.instance(slot).0), record.spec.tuning.grace).await?;
    }
    engine.database.forget_pool(pool)?;
    instance_logs::forget_old(engine, &record.spec);
    Ok(())
}

/// Ends one instance and forgets it. The caller has the pool's turn.
pub(super) async fn stop_instance(
    engine: &Arc<Engine>,
    spec: &PoolSpec,
    record: InstanceRecord,
) -> Result<(), Diagnostic> {
    if let Some(live) = engine.live(&record.id) {
        live.set_stopping();
    }
    let folders = engine.folders.instance(&record.id.0);
    let ended = end(&folders, spec.tuning.grace).await?;
    if let Some(deaf) = ended {
        engine.database.set_deaf(spec, deaf)?;
    }
    engine.database.forget_instance(&record.id)?;
    engine.remove_live(&record.id);
    engine.tell(spec, &record.id, Happening::Stopped);
    Ok(())
}

/// Ends whatever runs in an instance's folder, and removes the folder. Tells whether the program was deaf to SIGTERM,
/// if that was seen.
pub(super) async fn end(folders: &InstanceFolders, grace: Duration) -> Result<Option<bool>, Diagnostic> {
    if !folders.root.exists() {
        return Ok(None);
    }
    let (_lock, deaf) = end_shim(folders, grace).await?;
    leftovers::end(folders).await?;
    folders.remove()?;
    Ok(deaf)
}

/// Asks a shim to end and waits until it has; the lock proves it.
async fn end_shim(folders: &InstanceFolders, grace: Duration) -> Result<(Lock, Option<bool>), Diagnostic> {
    let out_of_reach = Instant::now() + OUT_OF_REACH;
    let deaf = loop {
        if let Some(lock) = Lock::try_acquire(&folders.lock)? {
            return Ok((lock, None));
        }
        match ask_to_end(folders, grace).await {
            Ok(deaf) => break deaf,
            Err(_) if Instant::now() >= out_of_reach => break None,
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    };
    let patience = Duration::from_secs(1);
    if let Some(lock) = leftovers::wait_for_lock(folders, patience).await? {
        return Ok((lock, deaf));
    }
    leftovers::kill_shim(folders);
    let lock = leftovers::wait_for_lock(folders, BEYOND_GRACE).await?;
    lock.map(|lock| (lock, None)).ok_or_else(|| {
        Diagnostic::new(Fault::Machine, format!("the shim of `{}` does not end", folders.root.display()))
            .help("`ps -o pid,stat,wchan,args` shows what it waits for")
            .later()
    })
}

/// Returns when the shim has closed its socket, which is its last act; whether its program had to be killed although
/// it had its grace time, if the shim said how it ended.
async fn ask_to_end(folders: &InstanceFolders, grace: Duration) -> std::io::Result<Option<bool>> {
    let mut client = ShimClient::connect(&folders.socket).await?;
    client.ask(Want::Events).await?;
    let asked = Instant::now();
    let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    client.ask(Want::Stop { grace_ms }).await?;
    let mut deaf = None;
    let closed = async {
        while let Ok(Some(Message { event, state, .. })) = client.next().await {
            let killed = state.last_exit.is_some_and(|exit| exit.how == ExitKind::Signal("SIGKILL".to_owned()));
            if event == ShimEvent::Exited {
                deaf = Some(killed && asked.elapsed() >= grace && !grace.is_zero());
            }
        }
    };
    timeout(grace.saturating_add(BEYOND_GRACE), closed).await?;
    Ok(deaf)
}

/// Ends the commands of a pool that are under way; whoever waits for them is told.
async fn stop_commands(engine: &Arc<Engine>, pool: &PoolId) -> Result<(), Diagnostic> {
    let grace = engine.database.pool(pool)?.map_or(Duration::from_secs(10), |record| record.spec.tuning.grace);
    let commands = engine.database.commands()?;
    for command in commands.into_iter().filter(|command| command.pool == *pool && command.exit.is_none()) {
        // Forgotten first: whoever waits for it must not take its end for a reason to start it again.
        engine.database.forget_command(&command.id)?;
        end(&engine.folders.instance(&command.id), grace).await?;
    }
    Ok(())
}

/// Takes an instance that is one too many out of the endpoints now, and ends it when its requests have had their time.
pub(super) fn retire(engine: &Arc<Engine>, spec: &PoolSpec, record: InstanceRecord) -> Result<(), Diagnostic> {
    engine.database.retire_instance(&record.id)?;
    if let Some(live) = engine.live(&record.id) {
        live.view.send_modify(|view| view.retired = true);
    }
    engine.tell(spec, &record.id, Happening::Retired);
    let (engine, spec) = (Arc::clone(engine), spec.clone());
    tokio::spawn(async move {
        sleep(spec.tuning.drain).await;
        let _change = engine.change(&spec.id.0).await;
        let still = engine.database.instance(&record.id).ok().flatten().is_some_and(|record| record.retired);
        if still {
            // What fails here is tried again when the node comes back or the pool ends.
            let _ = stop_instance(&engine, &spec, record).await;
        }
    });
    Ok(())
}
