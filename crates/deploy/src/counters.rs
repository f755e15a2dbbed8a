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

/// Looks at the counters without a pool after which the pool is forgotten: its carrier knows it no more.
const ABSENT_MAX: u32 = 60;

/// Counts that go on where they were when their carrier begins again from nothing: what a worker counted before it died
/// still tells how a revision does.
#[derive(Debug, Default)]
pub struct Lasting {
    last: Counters,
    sum: Counters,
    /// How often in a row a pool was not there.
    absent: BTreeMap<PoolId, u32>,
}

impl Lasting {
    /// Takes what was counted by now; all of it so far.
    pub fn add(&mut self, now: Counters) -> &Counters {
        for (pool, now) in &now {
            let last = self.last.get(pool).copied().unwrap_or_default();
            // Counts that fell began again with their carrier.
            let again = now.requests < last.requests || now.errors < last.errors;
            let last = if again { PoolCounters::default() } else { last };
            let sum = self.sum.entry(pool.clone()).or_default();
            sum.requests += now.requests - last.requests;
            sum.errors += now.errors - last.errors;
            sum.closed += now.closed.saturating_sub(last.closed);
            sum.in_flight = now.in_flight;
        }
        self.forget(&now);
        self.last = now;
        &self.sum
    }

    /// Counts nothing for ever: pools come and go with every deployment.
    fn forget(&mut self, now: &Counters) {
        self.absent.retain(|pool, _| !now.contains_key(pool));
        for (pool, sum) in self.sum.iter_mut().filter(|(pool, _)| !now.contains_key(*pool)) {
            sum.in_flight = 0;
            *self.absent.entry(pool.clone()).or_default() += 1;
        }
        let gone = |pool: &PoolId| self.absent.get(pool).is_some_and(|looks| *looks >= ABSENT_MAX);
        self.sum.retain(|pool, _| !gone(pool));
        self.absent.retain(|_, looks| *looks < ABSENT_MAX);
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
        // One that no carrier has known for long.
        for _ in 1..ABSENT_MAX {
            assert!(lasting.add(Counters::new()).contains_key(&pool));
        }
        assert!(lasting.add(Counters::new()).is_empty());
    }
}
