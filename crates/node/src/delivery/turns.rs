//! One check at a time on a node: what one of them may have of the machine, two would have twice.

use super::check::{Cancelled, Stopped, asked};
use crate::failure::machine;
use seaworthy_confine::Log;
use seaworthy_model::Name;
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Whose turn it is, and who waits for it.
pub(super) struct Turns {
    room: Semaphore,
    apps: Mutex<Apps>,
}

#[derive(Default)]
struct Apps {
    checks: Option<Name>,
    /// Each has one run at a time.
    wait: BTreeSet<Name>,
}

/// The right to check a commit, as long as it is kept.
pub(super) struct Turn<'a> {
    turns: &'a Turns,
    _permit: SemaphorePermit<'a>,
}

/// An app that waits, for whatever reason it stops doing so.
struct Waiting<'a>(&'a Turns, &'a Name);

impl Turns {
    /// Nobody checks anything.
    pub(super) fn new() -> Self {
        Self { room: Semaphore::new(1), apps: Mutex::default() }
    }

    /// Waits until no other app's commit is checked.
    pub(super) async fn take(&self, app: &Name, log: &mut Log, cancelled: &Cancelled) -> Result<Turn<'_>, Stopped> {
        let permit = match self.room.try_acquire() {
            Ok(permit) => permit,
            Err(_) => {
                self.apps().wait.insert(app.clone());
                let _waiting = Waiting(self, app);
                log.note("waits: the commit of another app is checked");
                tokio::select! {
                    permit = self.room.acquire() => permit.map_err(|error| machine(&error))?,
                    () = asked(cancelled) => return Err(Stopped::Superseded),
                }
            }
        };
        self.apps().checks = Some(app.clone());
        Ok(Turn { turns: self, _permit: permit })
    }

    /// The app whose check an app's run waits for, if it does.
    pub(super) fn before(&self, app: &Name) -> Option<Name> {
        let apps = self.apps();
        apps.checks.clone().filter(|_| apps.wait.contains(app))
    }

    fn apps(&self) -> MutexGuard<'_, Apps> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.turns.apps().checks = None;
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.apps().wait.remove(self.1);
    }
}
