//! Deployments: planning them, beginning them, stopping them, going on with them after a crash.

mod begin;
mod fixed_ports;
mod follow;
mod intent;
mod records;
mod resume;

use seaworthy_deploy::control::{Command, Controller};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::Actor;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// An environment of an app.
pub(crate) type Place = (Name, Name);

/// In place of a deployment's number: what ran before is brought back.
const BRINGING_BACK: u64 = 0;

/// The deployments that this process is carrying out.
#[derive(Default)]
pub(crate) struct Deployments {
    under_way: Mutex<BTreeMap<Place, UnderWay>>,
    /// One deployment begins after the other: each looks at what runs before it writes itself down.
    beginning: tokio::sync::Mutex<()>,
    closed: AtomicBool,
}

struct UnderWay {
    id: u64,
    controller: Controller,
    ended: watch::Receiver<bool>,
    task: AbortHandle,
}

impl Deployments {
    /// Nothing new begins any more, and what is under way stops where it stands: the next node goes on with it.
    pub(crate) fn refuse_from_now_on(&self) {
        self.closed.store(true, Ordering::Release);
        self.lock().values().for_each(|under_way| under_way.task.abort());
    }

    /// Whether everything is being stopped.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// No deployment begins while this is held.
    pub(crate) async fn no_beginnings(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.beginning.lock().await
    }

    /// Whether what ran in an environment when the node, or the machine, ended is just being put in order.
    pub(crate) fn is_bringing_back(&self, place: &Place) -> bool {
        self.lock().get(place).is_some_and(|under_way| under_way.id == BRINGING_BACK)
    }

    fn check_open(&self) -> Result<(), Diagnostic> {
        match self.is_closed() {
            false => Ok(()),
            true => {
                Err(Diagnostic::user("the node is stopping everything").help("try again when it runs again").later())
            }
        }
    }

    fn add(&self, place: Place, id: u64, controller: Controller, ended: watch::Receiver<bool>, task: AbortHandle) {
        // A task that was faster than this line has nothing to add.
        if !task.is_finished() {
            self.lock().insert(place, UnderWay { id, controller, ended, task });
        }
    }

    fn remove(&self, place: &Place, id: u64) {
        let mut under_way = self.lock();
        if under_way.get(place).is_some_and(|other| other.id == id) {
            under_way.remove(place);
        }
    }

    /// Tells the deployment of an environment what to do; returns what tells when it has ended. `None`: there is none.
    fn command(&self, place: &Place, command: Command) -> Option<watch::Receiver<bool>> {
        let under_way = self.lock();
        let found = under_way.get(place)?;
        found.controller.command(command);
        Some(found.ended.clone())
    }

    /// Cancels a deployment by its number; false: it is not under way here.
    fn cancel(&self, id: u64, actor: Actor) -> bool {
        let under_way = self.lock();
        let found = under_way.values().find(|other| other.id == id);
        if let Some(found) = found {
            found.controller.command(Command::Cancel(actor));
        }
        found.is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<Place, UnderWay>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
