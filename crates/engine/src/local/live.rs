//! What the engine knows of a running instance.

use crate::wire::{ShimPhase, ShimState};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::clock;
use seaworthy_model::pool::{InstanceId, PoolId};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// So many exits in a row are a crash loop.
pub(super) const CRASH_LOOP_EXITS: u32 = 3;
/// A program that has run this long since its last exit is over it.
const OVER_IT: Duration = Duration::from_secs(60);

/// An instance with a keeper.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) id: InstanceId,
    pub(super) pool: PoolId,
    /// The way into its network, if it has one of its own.
    pub(super) entrance: Option<PathBuf>,
    /// What is known now; changes wake whoever waits for the instance.
    pub(super) view: watch::Sender<View>,
    stopping: AtomicBool,
    keeper: Mutex<Option<AbortHandle>>,
}

/// What is known of an instance.
#[derive(Debug, Clone, Default)]
pub(super) struct View {
    /// What its shim said last.
    pub(super) shim: Option<ShimState>,
    /// Why it could not be started anew.
    pub(super) problem: Option<Box<Diagnostic>>,
    /// It has been healthy since it was started, or it was adopted.
    pub(super) was_healthy: bool,
    /// Where it listens; `None`: a worker.
    pub(super) address: Option<SocketAddr>,
    /// It is one too many.
    pub(super) retired: bool,
}

impl Live {
    pub(super) fn new(id: InstanceId, pool: PoolId, view: View) -> Self {
        Self {
            id,
            pool,
            entrance: None,
            view: watch::Sender::new(view),
            stopping: AtomicBool::new(false),
            keeper: Mutex::new(None),
        }
    }

    pub(super) fn set_keeper(&self, keeper: AbortHandle) {
        let before = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).replace(keeper);
        if let Some(before) = before {
            before.abort();
        }
    }

    /// Ends the keeper; the instance goes on.
    pub(super) fn let_go(&self) {
        if let Some(keeper) = self.keeper.lock().unwrap_or_else(PoisonError::into_inner).take() {
            keeper.abort();
        }
    }

    /// From now on its end is wanted.
    pub(super) fn set_stopping(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }
}

/// Whether the program ends again and again.
pub(super) fn is_crash_loop(state: &ShimState) -> bool {
    let over_it = state
        .program
        .as_ref()
        .is_some_and(|program| clock::now().duration_since(program.started_at).is_ok_and(|running| running >= OVER_IT));
    state.exits_in_a_row >= CRASH_LOOP_EXITS && !over_it && state.phase != ShimPhase::Stopping
}
