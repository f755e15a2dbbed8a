//! How often a service was not of one mind with the others.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one pool's part in fan-outs.
#[derive(Debug, Default)]
pub struct FanoutTally {
    disagreed: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
}

impl FanoutTally {
    /// Answers that differed from the majority's.
    #[must_use]
    pub fn disagreed(&self) -> u64 {
        self.disagreed.load(Ordering::Relaxed)
    }

    /// 5xx, and no answer at all.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Answers that were not there at the deadline.
    #[must_use]
    pub fn late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    pub(super) fn add_disagreed(&self) {
        self.disagreed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_late(&self) {
        self.late.fetch_add(1, Ordering::Relaxed);
    }
}
