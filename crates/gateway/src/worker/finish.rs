//! The end of a worker: it accepts nothing more, finishes what it has begun, and goes.

use super::Worker;
use crate::log;
use std::time::Duration;
use tokio::sync::watch;

/// How long connections that were told to close may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

/// Whether this worker is to end, and within which time.
#[derive(Debug)]
pub(crate) struct Finish(watch::Sender<Option<Duration>>);

impl Default for Finish {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl Finish {
    /// Asks the worker to end.
    pub(super) fn ask(&self, within: Duration) {
        self.0.send_replace(Some(within));
    }

    /// Returns when it was asked.
    pub(super) async fn asked(&self) {
        let _ = self.0.subscribe().wait_for(Option::is_some).await;
    }

    fn within(&self) -> Duration {
        self.0.borrow().unwrap_or_default()
    }
}

/// Finishes: requests are answered, idle connections close, and what outlives the time is closed politely.
pub(super) async fn finish(worker: &Worker) {
    worker.listeners.close_all();
    worker.gateway.draining.cancel();
    log::line("worker", format_args!("finishing {} connections", worker.listeners.connections()));
    if tokio::time::timeout(worker.finish.within(), worker.listeners.all_ended()).await.is_err() {
        worker.gateway.pools().all().iter().for_each(|pool| pool.close());
        worker.gateway.closing.cancel();
        let _ = tokio::time::timeout(CLOSE_WITHIN, worker.listeners.all_ended()).await;
    }
    worker.gateway.access_log.flush();
}
