//! One coarse timer for all deadlines of a connection.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;
use tokio::time::Sleep;

/// A deadline that can be moved for next to nothing: the runtime's timer is touched only when the deadline moves to
/// before the moment for which that is set, and when that moment comes.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    fires: Instant,
    due: Instant,
}

impl Timer {
    /// A timer that is due at `due`.
    pub(crate) fn new(due: Instant) -> Self {
        Self { sleep: Box::pin(tokio::time::sleep_until(due.into())), fires: due, due }
    }

    /// Moves the deadline.
    pub(crate) fn set(&mut self, due: Instant) {
        self.due = due;
        if due < self.fires {
            self.sleep.as_mut().reset(due.into());
            self.fires = due;
        }
    }

    /// Ready once the deadline has passed.
    pub(crate) fn poll_due(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.sleep.as_mut().poll(context));
            if self.due <= self.fires {
                return Poll::Ready(());
            }
            self.fires = self.due;
            self.sleep.as_mut().reset(self.due.into());
        }
    }

    /// The outcome of `future`, or `None` once `due` has passed.
    pub(crate) async fn limit<F: Future>(&mut self, due: Instant, future: F) -> Option<F::Output> {
        self.set(due);
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending => self.poll_due(context).map(|()| None),
        })
        .await
    }
}
