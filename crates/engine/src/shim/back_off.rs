//! How long to wait before the next start.

use crate::wire::BackOffLimits;
use std::time::Duration;

/// Counts exits and says how long to wait after each.
#[derive(Debug)]
pub(super) struct BackOff {
    limits: BackOffLimits,
    exits_in_a_row: u32,
}

impl BackOff {
    pub(super) fn new(limits: BackOffLimits) -> Self {
        Self { limits, exits_in_a_row: 0 }
    }

    pub(super) fn exits_in_a_row(&self) -> u32 {
        self.exits_in_a_row
    }

    /// Takes note of an exit after a run of this length; returns how long to wait.
    pub(super) fn exited(&mut self, ran_for: Duration) -> Duration {
        if ran_for >= self.limits.reset_after {
            self.exits_in_a_row = 0;
        }
        let factor = 2_u32.saturating_pow(self.exits_in_a_row.min(31));
        self.exits_in_a_row = self.exits_in_a_row.saturating_add(1);
        self.limits.first.saturating_mul(factor).min(self.limits.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_longest_and_starts_over_after_a_long_run() {
        let mut back_off = BackOff::new(BackOffLimits::default());
        let waits: Vec<u128> = (0..11).map(|_| back_off.exited(Duration::ZERO).as_millis()).collect();
        assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000]);
        assert_eq!(back_off.exited(Duration::from_secs(60)).as_millis(), 100);
        assert_eq!(back_off.exits_in_a_row(), 1);
        for _ in 0..100 {
            back_off.exited(Duration::ZERO);
        }
        assert_eq!(back_off.exited(Duration::ZERO).as_millis(), 30_000);
    }
}
