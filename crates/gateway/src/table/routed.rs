//! What looking up a request in the table gives.

use crate::fanout::FanoutPlan;
use crate::pool::{CallerTally, PoolState};
use seaworthy_model::release::RouteLimits;
use std::sync::Arc;

/// Who answers a request.
#[derive(Debug, Clone)]
pub enum Routed {
    /// Nobody: 404.
    NotFound,
    /// One pool.
    Pool {
        /// The pool.
        pool: Arc<PoolState>,
        /// The route.
        route: Arc<RouteInfo>,
    },
    /// Several at once.
    Fanout {
        /// The rule and the pools.
        plan: Arc<FanoutPlan>,
        /// The route.
        route: Arc<RouteInfo>,
    },
}

/// What there is to know about a route in one of its variants.
#[derive(Debug, Clone)]
pub struct RouteInfo {
    /// A label for logs: `APP/ENV/ROUTE`, or the listener's id for an internal one.
    pub id: String,
    /// The variant that was drawn; empty for an internal listener.
    pub variant: String,
    /// Who calls, if the listener tells.
    pub caller: Option<String>,
    /// Counts what the caller asks of the pool.
    pub tally: Option<Arc<CallerTally>>,
    /// Limits that differ from the gateway's own.
    pub limits: RouteLimits,
}
