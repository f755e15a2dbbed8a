//! What must be true of every plan, at every point of it, and of the way back from every point. The planner should
//! never break it; the executor does not rely on that.

use crate::plan::{Phase, Plan};
use crate::shape::{Shape, Share};
use crate::undo::undo;
use crate::world::World;
use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::PoolId;
use std::collections::BTreeMap;

/// How a plan would let somebody down.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Weights that do not add up.
    #[error("the weights add up to {0}")]
    Weights(u32),
    /// A share of the traffic that no step gives.
    #[error("{0}% of the traffic moves without a step that says so")]
    Unannounced(u8),
    /// A revision that the plan does not hold.
    #[error("revision {0} is not part of the plan")]
    Unknown(u64),
    /// Users or checks reach a pool without healthy instances.
    #[error("`{0}` is reached before it is healthy")]
    NotHealthy(PoolId),
    /// Users reach what no check has seen.
    #[error("users come before the check `{0}` has run")]
    NotSmoked(String),
    /// Requests wait for a service that does not change over.
    #[error("requests to `{0}` are held for no reason")]
    Held(PoolId),
    /// A pool stops while users reach it.
    #[error("`{0}` stops while users reach it")]
    StillUsed(PoolId),
    /// A pool stops before what it has in flight is done.
    #[error("`{0}` stops before it has drained")]
    NotDrained(PoolId),
    /// A pool that both revisions have stops.
    #[error("`{0}` is kept and stops")]
    Kept(PoolId),
    /// Two pools that may not run at once.
    #[error("`{1}` starts while `{0}` runs")]
    AtOnce(PoolId, PoolId),
    /// A step that does not belong there.
    #[error("the step `{0}` is out of place")]
    OutOfPlace(String),
    /// The way there or back does not end where it should.
    #[error("at the end {0}")]
    End(String),
    /// Where it is broken.
    #[error("group {group}{}", if *undo { ", on the way back" } else { "" })]
    At {
        /// The plan's group.
        group: usize,
        /// On the way back from there.
        undo: bool,
        /// What is broken.
        source: Box<Broken>,
    },
}

/// Checks a plan: each prefix of it, each way back from there whether none, half or all of the group's steps had their
/// effect, and both ends.
///
/// # Errors
/// What is broken first.
pub fn check(plan: &Plan) -> Result<(), Broken> {
    let mut world = World::new(plan);
    for (index, group) in plan.groups.iter().enumerate() {
        let at = |source| Broken::At { group: index, undo: false, source: Box::new(source) };
        let back = |source| Broken::At { group: index, undo: true, source: Box::new(source) };
        let returns = group.phase < Phase::Settle;
        if returns {
            check_undo(plan, index, world.clone()).map_err(back)?;
        }
        world.enter(group).map_err(at)?;
        let points = [0, group.steps.len() / 2];
        for (done, step) in group.steps.iter().enumerate() {
            if returns && points.contains(&done) {
                check_undo(plan, index, world.clone()).map_err(back)?;
            }
            world.step(step).map_err(at)?;
        }
        if returns {
            check_undo(plan, index, world.clone()).map_err(back)?;
        }
    }
    check_end(&world, plan.to.as_ref())
}

fn check_undo(plan: &Plan, from: usize, mut world: World<'_>) -> Result<(), Broken> {
    for group in &undo(plan, from) {
        world.enter(group)?;
        for step in &group.steps {
            world.step(step)?;
        }
    }
    check_end(&world, plan.from.as_ref())
}

/// Exactly this revision runs and has all traffic.
fn check_end(world: &World<'_>, revision: Option<&Revision>) -> Result<(), Broken> {
    let pools = revision.iter().flat_map(|revision| revision.pools.values());
    let wanted: BTreeMap<PoolId, (u16, bool)> =
        pools.map(|pool| (pool.id.clone(), (pool.tuning.replicas, true))).collect();
    if world.instances != wanted {
        return Err(Broken::End(format!("these run: {:?}", world.instances)));
    }
    let shares = revision.map(|revision| Share { revision: revision.number, weight: 100, routed: true });
    if world.shape != (Shape { shares: shares.into_iter().collect(), ..Shape::default() }) {
        return Err(Broken::End(format!("the traffic is {:?}", world.shape)));
    }
    Ok(())
}
