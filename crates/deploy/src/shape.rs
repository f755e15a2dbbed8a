//! The traffic of a plan's group in few words; [`traffic`] spells it out for whoever carries it.

use crate::plan::Plan;
use seaworthy_model::pool::PoolId;
use seaworthy_model::traffic::{EnvironmentTraffic, Variant};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Which revisions take part in an environment's traffic, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// The revisions that take part.
    pub shares: Vec<Share>,
    /// See [`EnvironmentTraffic::held`].
    pub held: BTreeSet<PoolId>,
    /// See [`EnvironmentTraffic::answered_by`].
    pub answered_by: BTreeMap<PoolId, PoolId>,
    /// See [`EnvironmentTraffic::pinned`].
    pub pinned: Option<u64>,
}

/// One revision's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Its number.
    pub revision: u64,
    /// 0 to 100.
    pub weight: u8,
    /// Whether it has its routes; without them it only finishes what is in flight.
    pub routed: bool,
}

/// What a shape means for whoever carries the traffic.
#[must_use]
pub fn traffic(plan: &Plan, shape: &Shape) -> EnvironmentTraffic {
    let variants = shape.shares.iter().filter_map(|share| {
        let revision = plan.revision(share.revision)?;
        Some(Variant {
            revision: share.revision,
            weight: share.weight,
            routes: if share.routed { revision.routes.clone() } else { BTreeMap::new() },
            pools: revision.pools.iter().map(|(service, pool)| (service.clone(), pool.id.clone())).collect(),
        })
    });
    EnvironmentTraffic {
        app: plan.app.clone(),
        environment: plan.environment.clone(),
        variants: variants.collect(),
        held: shape.held.iter().cloned().collect(),
        answered_by: shape.answered_by.clone(),
        pinned: shape.pinned,
    }
}
