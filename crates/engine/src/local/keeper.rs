//! The keeper of an instance: a task that listens to its shim, and starts it anew when the shim is gone.

use super::engine::Engine;
use super::leftovers;
use super::live::{Live, is_crash_loop};
use super::start::{Started, address, start_instance};
use crate::client::ShimClient;
use crate::events::Happening;
use crate::wire::{Message, ShimEvent, Want};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::process;
use seaworthy_model::pool::PoolSpec;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How long a shim that holds its lock may be out of reach before it is killed.
const OUT_OF_REACH: Duration = Duration::from_secs(10);
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_LONGEST: Duration = Duration::from_secs(30);
/// Lines of a log that go with a crash loop.
pub(super) const EVIDENCE_LINES: usize = 20;

/// Runs until the instance's end is wanted. `first` is told once the shim has answered for the first time.
pub(super) async fn keep(engine: Arc<Engine>, spec: PoolSpec, live: Arc<Live>, first: Happening) {
    let mut first = Some(first);
    let mut wait = RETRY_FIRST;
    while !live.is_stopping() {
        if follow(&engine, &spec, &live, &mut first).await {
            wait = RETRY_FIRST;
        }
        if live.is_stopping() {
            return;
        }
        match start_anew(&engine, &spec, &live).await {
            Ok(Some(Started::Now)) => first = Some(Happening::Started { pid: None }),
            Ok(Some(Started::Already)) => {}
            Ok(None) => return,
            Err(problem) => {
                engine.tell(&spec, &live.id, Happening::StartFailed(Box::new(problem.clone())));
                live.view.send_modify(|view| view.problem = Some(Box::new(problem)));
            }
        }
        sleep(wait).await;
        wait = (wait * 2).min(RETRY_LONGEST);
    }
}

/// Listens to the shim until it closes; false when it could not be reached at all.
async fn follow(engine: &Engine, spec: &PoolSpec, live: &Live, first: &mut Option<Happening>) -> bool {
    let folders = engine.folders.instance(&live.id.0);
    let Ok(mut client) = ShimClient::connect(&folders.socket).await else { return false };
    let Ok(answer) = client.ask(Want::Events).await else { return false };
    let token = engine.database.instance(&live.id).ok().flatten().map(|record| record.token);
    let known = answer.state.boot_id == process::boot_id() && token.as_ref() == Some(&answer.state.token);
    if !known {
        leftovers::kill_shim(&folders); // of a start that was given up
        return false;
    }
    let pid = answer.state.program.as_ref().map(|program| program.pid);
    take_note(engine, spec, live, answer);
    match first.take() {
        Some(Happening::Started { .. }) => engine.tell(spec, &live.id, Happening::Started { pid }),
        Some(Happening::Adopted { .. }) => engine.tell(spec, &live.id, Happening::Adopted { pid }),
        Some(other) => engine.tell(spec, &live.id, other),
        None => {}
    }
    while let Ok(Some(message)) = client.next().await {
        take_note(engine, spec, live, message);
    }
    true
}

fn take_note(engine: &Engine, spec: &PoolSpec, live: &Live, message: Message) {
    let Message { event, state, .. } = message;
    match event {
        ShimEvent::Exited => {
            if let Some(exit) = state.last_exit.clone().filter(|_| !live.is_stopping()) {
                engine.tell(spec, &live.id, Happening::Exited(exit));
            }
            if is_crash_loop(&state) && state.exits_in_a_row == super::live::CRASH_LOOP_EXITS {
                let lines = engine.last_lines(spec, &live.id.0, EVIDENCE_LINES);
                engine.tell(spec, &live.id, Happening::CrashLoop(lines));
            }
        }
        ShimEvent::Started => {
            let pid = state.program.as_ref().map(|program| program.pid);
            engine.tell(spec, &live.id, Happening::Restarted { pid, restarts: state.restarts });
        }
        ShimEvent::NotDeclared => {
            if let Some(name) = state.unknown_names.last() {
                engine.tell(spec, &live.id, Happening::NotDeclared(name.clone()));
            }
        }
        ShimEvent::Answer | ShimEvent::Refused(_) | ShimEvent::Stopping | ShimEvent::Ended => {}
    }
    live.view.send_modify(|view| {
        view.problem = None;
        view.shim = Some(state);
    });
}

/// Starts the instance again when its shim is dead; `None`: nobody wants it any more.
async fn start_anew(engine: &Arc<Engine>, spec: &PoolSpec, live: &Live) -> Result<Option<Started>, Diagnostic> {
    let folders = engine.folders.instance(&live.id.0);
    if leftovers::wait_for_lock(&folders, OUT_OF_REACH).await?.is_none() {
        if ShimClient::connect(&folders.socket).await.is_ok() {
            return Ok(Some(Started::Already));
        }
        leftovers::kill_shim(&folders);
    }
    let _change = engine.change(&live.pool.0).await;
    let Some(record) = engine.database.instance(&live.id)?.filter(|_| !live.is_stopping()) else { return Ok(None) };
    let lost = live.view.send_if_modified(|view| view.shim.take().is_some());
    if lost {
        engine.tell(spec, &live.id, Happening::Lost);
    }
    let (started, record) = start_instance(engine, spec, record).await?;
    live.view.send_modify(|view| view.address = address(record.port, record.ipv6));
    Ok(Some(started))
}
