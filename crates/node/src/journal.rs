//! The store as a [`Journal`], which also wakes those who follow.

use seaworthy_deploy::journal::{Entry, Standing};
use seaworthy_deploy::{Event, Journal};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_store::Store;
use std::sync::Arc;
use tokio::sync::watch;

/// Keeps progress and events in the store.
pub(crate) struct StoreJournal {
    store: Arc<Store>,
    /// Counts whatever was written; followers wait for it to change.
    written: watch::Sender<u64>,
}

impl StoreJournal {
    /// Over this store.
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self { store, written: watch::channel(0).0 }
    }

    /// Changes whenever something was written.
    pub(crate) fn written(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    fn wake(&self) {
        self.written.send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Journal for StoreJournal {
    fn record(&self, deployment: u64, entry: &Entry) -> Result<(), Diagnostic> {
        Ok(self.store.add_journal_entry(deployment, entry)?)
    }

    fn event(&self, deployment: u64, event: &Event) {
        // An event that cannot be kept is lost; the deployment itself does not depend on it.
        let _ = self.store.add_event(deployment, event);
        self.wake();
    }

    fn outcome(&self, deployment: u64, standing: &Standing) -> Result<(), Diagnostic> {
        self.store.set_outcome(deployment, standing.serving, standing.outcome, standing.failure.as_ref())?;
        self.wake();
        Ok(())
    }
}
