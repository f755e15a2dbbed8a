//! A fan-out with its pools.

use crate::pool::PoolState;
use seaworthy_model::release::Fanout;
use std::sync::Arc;

/// The rule of a route that fans out, and who answers for each service.
#[derive(Debug)]
pub struct FanoutPlan {
    /// The rule.
    pub fanout: Fanout,
    /// `pools[i]` answers for `fanout.services[i]`.
    pub pools: Vec<Arc<PoolState>>,
}

impl FanoutPlan {
    /// Pairs services and pools; what has no partner is left out.
    #[must_use]
    pub fn new(mut fanout: Fanout, mut pools: Vec<Arc<PoolState>>) -> Self {
        let pairs = fanout.services.len().min(pools.len());
        fanout.services.truncate(pairs);
        pools.truncate(pairs);
        Self { fanout, pools }
    }

    /// Whether requests of this method fan out; others are answered 405.
    #[must_use]
    pub fn allows(&self, method: &str) -> bool {
        self.fanout.methods.iter().any(|allowed| allowed == method)
    }

    /// The value of the `Allow` field (RFC 9110, section 10.2.1).
    #[must_use]
    pub fn allow(&self) -> String {
        self.fanout.methods.join(", ")
    }
}
