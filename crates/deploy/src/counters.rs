//! What the traffic's carrier counted.

use seaworthy_model::pool::PoolId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts of one pool since its carrier first knew it; they only grow, but for a restart of the carrier.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoolCounters {
    /// Requests answered, whatever the answer.
    pub requests: u64,
    /// Of these, answered with 500 to 599, by the service or on its behalf.
    pub errors: u64,
    /// Requests, upgraded connections and TCP connections that are under way now.
    pub in_flight: u64,
    /// Answers after which the service closed its connection.
    pub closed: u64,
}

/// Counters by pool.
pub type Counters = BTreeMap<PoolId, PoolCounters>;

/// Counts that go on where they were when their carrier begins again from nothing: what a worker counted before it died
/// still tells how a revision does.
#[derive(Debug, Default)]
pub(crate) struct Lasting {
    last: Counters,
    sum: Counters,
}

impl Lasting {
    /// Takes what was counted by now; all of it so far.
    pub(crate) fn add(&mut self, now: Counters) -> &Counters {
        for (pool, now) in &now {
            let last = self.last.get(pool).copied().unwrap_or_default();
            // Counts that fell began again with their carrier.
            let again = now.requests < last.requests || now.errors < last.errors;
            let last = if again { PoolCounters::default() } else { last };
            let sum = self.sum.entry(pool.clone()).or_default();
            sum.requests += now.requests - last.requests;
            sum.errors += now.errors - last.errors;
            sum.in_flight = now.in_flight;
        }
        self.last = now;
        &self.sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_when_their_carrier_begins_again() {
        let pool = PoolId("web".into());
        let counters = |requests, errors| {
            Counters::from([(pool.clone(), PoolCounters { requests, errors, ..PoolCounters::default() })])
        };
        let mut lasting = Lasting::default();
        let looks = [((100, 20), (100, 20)), ((150, 20), (150, 20)), ((10, 3), (160, 23)), ((200, 3), (350, 23))];
        for (counted, expected) in looks {
            let sum = lasting.add(counters(counted.0, counted.1))[&pool];
            assert_eq!((sum.requests, sum.errors), expected, "{counted:?}");
        }
        // A worker that has not heard of the pool yet, and then has.
        assert_eq!(lasting.add(Counters::new())[&pool].requests, 350);
        assert_eq!(lasting.add(counters(5, 5))[&pool].errors, 28);
    }
}
