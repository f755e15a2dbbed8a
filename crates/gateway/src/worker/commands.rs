//! What a worker does when it is asked.

use super::{Worker, drained};
use crate::control::{Answer, LineChannel, ListenerEntry, Refusal, RefusalCode, Request, WorkerCommand, WorkerStatus};
use crate::{counters, log};
use seaworthy_model::routing::{ROUTING_FORMAT, RoutingTable};
use serde_json::{Value, json};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

/// How long a worker may take to finish when another parent has taken its listeners.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(120);

/// Carries a command out.
pub(super) async fn carry_out(worker: &Arc<Worker>, command: WorkerCommand) -> Result<Value, Refusal> {
    match command {
        WorkerCommand::Apply(table) => apply(worker, *table).await.map(|()| Value::Null),
        WorkerCommand::Counters => Ok(json!(counters::counters(worker.gateway.pools()))),
        WorkerCommand::Drained { pools, timeout_ms } => {
            Ok(json!(drained::drained(&worker.gateway, &pools, Duration::from_millis(timeout_ms)).await))
        }
        WorkerCommand::Refusals => Ok(json!(worker.gateway.refusals.take())),
        WorkerCommand::Status => Ok(json!(status(worker))),
        WorkerCommand::Ping => Ok(Value::Null),
        WorkerCommand::Drain => {
            worker.finish.ask(HANDED_OVER_WITHIN);
            Ok(Value::Null)
        }
        WorkerCommand::HandOver => {
            Err(Refusal::new(RefusalCode::NotUnderstood, "nothing may follow `hand-over` but `drain`".to_owned()))
        }
    }
}

/// Keeps the table, then follows it: what a request saw once, a worker that starts next sees too.
async fn apply(worker: &Arc<Worker>, table: RoutingTable) -> Result<(), Refusal> {
    if table.format != ROUTING_FORMAT {
        let message = format!("the table has format {}, this gateway reads {ROUTING_FORMAT}", table.format);
        return Err(Refusal::new(RefusalCode::NotUnderstood, message));
    }
    let _one_at_a_time = worker.applying.lock().await;
    let current = worker.gateway.table().generation;
    if table.generation < current {
        let message = format!("the table of generation {} is older than the current one, {current}", table.generation);
        return Err(Refusal::new(RefusalCode::Stale, message));
    }
    let keeper = worker.clone();
    let kept = tokio::task::spawn_blocking(move || keeper.kept.store(&table).map(|()| table)).await;
    let kept = kept.map_err(|error| Refusal::new(RefusalCode::Failed, error.to_string()))?;
    let table = kept.map_err(|e| Refusal::new(RefusalCode::NotKept, format!("{e}: {}", e.io())))?;
    worker.gateway.apply(&table);
    worker.listeners.follow();
    Ok(())
}

fn status(worker: &Worker) -> WorkerStatus {
    let table = worker.gateway.table();
    let pid = std::process::id();
    WorkerStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid,
        generation: table.generation,
        routes: table.route_count(),
        listeners: worker.listeners.accepting(),
        connections: worker.listeners.connections() as u64,
        log_lines_dropped: worker.gateway.access_log.dropped(),
        memory_bytes: seaworthy_host::process::memory_bytes(pid),
    }
}

/// Sends every listener to another parent, then waits for its word to finish. It goes on accepting until then.
pub(super) async fn hand_over(worker: &Arc<Worker>, stream: UnixStream) -> io::Result<()> {
    let worker = worker.clone();
    let over = tokio::task::spawn_blocking(move || {
        stream.set_nonblocking(false)?;
        let mut channel = LineChannel::new(stream);
        for (entry, socket) in worker.listeners.all() {
            channel.send(&Answer::Done(Some(entry)), Some(socket.as_fd()))?;
        }
        channel.send(&Answer::<Option<ListenerEntry>>::Done(None), None)?;
        log::line("worker", format_args!("another parent has taken the listeners"));
        while channel.fill()? {
            while let Some(line) = channel.next_line() {
                if let Ok(Request { command: WorkerCommand::Drain, .. }) = Request::<WorkerCommand>::read(&line) {
                    worker.finish.ask(HANDED_OVER_WITHIN);
                    return Ok(());
                }
            }
        }
        Ok(())
    });
    over.await.map_err(io::Error::other)?
}
