//! How often to look: regularly, not all at once, and less often where it fails.

use std::time::Duration;

/// The longest pause between two looks, however often it failed.
pub const PAUSE_MAX: Duration = Duration::from_secs(15 * 60);

/// The pause until the next look: `every`, doubled for each failure in a row, up to [`PAUSE_MAX`], and a tenth more or
/// less of it by `chance` (0 to 1), so that many nodes do not ask one server at the same moment.
#[must_use]
pub fn pause(every: Duration, failures: u32, chance: f64) -> Duration {
    let longest = PAUSE_MAX.max(every);
    let doubled = every.saturating_mul(1_u32.checked_shl(failures.min(16)).unwrap_or(u32::MAX)).min(longest);
    doubled.mul_f64(0.9 + 0.2 * chance.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn failures_make_it_slower() {
        let minute = Duration::from_secs(60);
        assert_eq!(pause(minute, 0, 0.5), minute);
        assert_eq!(pause(minute, 1, 0.5), minute * 2);
        assert_eq!(pause(minute, 30, 0.5), PAUSE_MAX);
    }

    proptest! {
        #[test]
        fn never_at_once_and_never_too_long(seconds in 1_u64..100_000, failures: u32, chance in 0.0..=1.0_f64) {
            let every = Duration::from_secs(seconds);
            let pause = pause(every, failures, chance);
            prop_assert!(pause >= every.mul_f64(0.89) && pause <= PAUSE_MAX.max(every).mul_f64(1.11));
        }
    }
}
