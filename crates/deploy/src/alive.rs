//! Which pools must run at a point of a deployment. Pure.

use crate::journal::Progress;
use crate::plan::{Group, Plan};
use crate::step::Step;
use crate::undo::undo;
use seaworthy_model::pool::{PoolId, PoolSpec};
use std::collections::BTreeMap;

/// The pools that must run before the group at which the deployment stands can be done. On the way back those of the
/// old revision alone: nobody needs the others any more.
pub(crate) fn alive(plan: &Plan, progress: &Progress) -> Vec<PoolSpec> {
    let mut pools: BTreeMap<PoolId, PoolSpec> = BTreeMap::new();
    let old = plan.from.iter().flat_map(|revision| revision.pools.values());
    pools.extend(old.map(|pool| (pool.id.clone(), pool.clone())));
    match &progress.going_back {
        None => done(&mut pools, &plan.groups[..progress.group.min(plan.groups.len())]),
        Some((from, ..)) => {
            done(&mut pools, &plan.groups[..=*from.min(&(plan.groups.len().saturating_sub(1)))]);
            let back = undo(plan, *from);
            done(&mut pools, &back[..progress.group.min(back.len())]);
            pools.retain(|id, _| !plan.new.contains(id));
        }
    }
    pools.into_values().collect()
}

fn done(pools: &mut BTreeMap<PoolId, PoolSpec>, groups: &[Group]) {
    for step in groups.iter().flat_map(|group| &group.steps) {
        if let Step::Start { pool } | Step::Scale { pool, .. } = step {
            pools.insert(pool.id.clone(), pool.clone());
        }
        for pool in step.stops() {
            pools.remove(pool);
        }
    }
}
