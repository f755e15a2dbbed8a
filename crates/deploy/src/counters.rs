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
}

/// Counters by pool.
pub type Counters = BTreeMap<PoolId, PoolCounters>;
