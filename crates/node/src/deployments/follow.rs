//! Telling a follower what happens.

use crate::Node;
use seaworthy_api::wire::ProgressEvent;
use seaworthy_deploy::Event;
use seaworthy_model::deployment::Outcome;
use seaworthy_store::StoredEvent;
use std::time::Duration;
use tokio::sync::mpsc;

/// How many events are read at once.
const BATCH: u32 = 200;
/// A follower that missed a wake-up looks again after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

impl Node {
    /// Sends the events of a deployment after a sequence number as they come, to the one with a final outcome.
    pub(crate) async fn follow(&self, id: u64, mut after: u64, sender: mpsc::Sender<ProgressEvent>) {
        let mut written = self.journal.written();
        loop {
            written.mark_unchanged();
            // First whether it has ended, then its events: what was told before its end is not missed.
            let ended = self.deployment(id).map(|record| record.ended_at.is_some()).unwrap_or(true);
            let Ok(events) = self.store.events(id, after, BATCH) else { return };
            let full = events.len() == BATCH as usize;
            for event in events {
                after = event.sequence;
                let event = progress(event);
                let last = event.outcome.is_some_and(Outcome::is_final);
                if sender.send(event).await.is_err() || last {
                    return;
                }
            }
            if ended && !full {
                self.send_outcome(id, after, &sender).await;
                return;
            }
            if !full && !sender.is_closed() {
                let _ = tokio::time::timeout(LOOK_AGAIN, written.changed()).await;
            }
            if sender.is_closed() {
                return;
            }
        }
    }

    /// The outcome of a deployment whose last event was lost in a crash.
    async fn send_outcome(&self, id: u64, after: u64, sender: &mpsc::Sender<ProgressEvent>) {
        let Ok(record) = self.deployment(id) else { return };
        let event = Event::Outcome { outcome: record.outcome, failure: record.failure };
        let at = record.ended_at.unwrap_or(record.started_at);
        let event = serde_json::to_value(event).unwrap_or_default();
        let _ = sender.send(progress(StoredEvent { sequence: after + 1, at, event })).await;
    }
}

fn progress(stored: StoredEvent) -> ProgressEvent {
    let event: Option<Event> = serde_json::from_value(stored.event.clone()).ok();
    let text = event.as_ref().map_or_else(|| stored.event.to_string(), ToString::to_string);
    let (outcome, failure) = match event {
        Some(Event::Outcome { outcome, failure }) => (Some(outcome), failure),
        Some(Event::GoingBack { failure }) => (None, Some(failure)),
        _ => (None, None),
    };
    ProgressEvent { sequence: stored.sequence, at: stored.at, event: stored.event, text, outcome, failure }
}
