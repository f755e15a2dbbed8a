//! What an environment wants of whoever carries its traffic; a target turns it into listeners, rules or objects.

use crate::Name;
use crate::pool::PoolId;
use crate::release::RouteSpec;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The traffic of one environment, whole: applying it replaces what was applied before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvironmentTraffic {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The revisions that have a part in it: usually one, two while traffic shifts, more while old ones drain.
    pub variants: Vec<Variant>,
    /// Pools whose requests are held now: those of `replace` services that are changing over. The pinned listener
    /// leads to the candidate's own pool, which is not among them.
    pub held: Vec<PoolId>,
    /// Pools without instances of their own to the pool whose instances answer for them. A `replace` service has
    /// instances of one revision alone, and both revisions' callers need it. Whoever waits for a held pool goes there
    /// too when the hold ends.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answered_by: BTreeMap<PoolId, PoolId>,
    /// The revision that the checks' own listener is pinned to, if a smoke test is under way.
    pub pinned: Option<u64>,
}

/// One revision's part in the traffic.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Variant {
    /// The revision's number.
    pub revision: u64,
    /// Its share of new client connections, 0 to 100. All variants' weights add up to 100, or to 0.
    pub weight: u8,
    /// Its routes, with this environment's hosts; none when it drains: nobody new reaches it, while its own calls still
    /// find whom they call.
    pub routes: BTreeMap<Name, RouteSpec>,
    /// Which pool answers for each service that listens.
    pub pools: BTreeMap<Name, PoolId>,
}
