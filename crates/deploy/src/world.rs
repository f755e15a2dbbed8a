//! An environment in the mind: what becomes of it when a plan's groups are done, and whether anybody is let down.

use crate::invariants::Broken;
use crate::plan::{Group, Plan};
use crate::shape::{Shape, Share};
use crate::step::{SmokeCheck, Step};
use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::release::{Check, Stage};
use seaworthy_model::service::{Port, Update};
use seaworthy_model::{Digest, Name};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone)]
pub(crate) struct World<'a> {
    plan: &'a Plan,
    /// Pools with instances: how many, and whether they are known to be healthy.
    pub(crate) instances: BTreeMap<PoolId, (u16, bool)>,
    pub(crate) shape: Shape,
    smoked: BTreeSet<(String, Digest)>,
    drained: BTreeSet<PoolId>,
    /// Pools to which users' requests come now.
    reached: BTreeSet<PoolId>,
    /// What traffic was last shifted to: a revision and its weight.
    shifted: Option<(u64, u8)>,
    /// Between a hold and its release.
    holding: bool,
    /// Pools that may have something in flight.
    used: BTreeSet<PoolId>,
}

impl<'a> World<'a> {
    /// As it is before the plan begins.
    pub(crate) fn new(plan: &'a Plan) -> Self {
        let alive = plan.alive.iter().map(|id| (id.clone(), (0, true)));
        let mut instances: BTreeMap<PoolId, (u16, bool)> = alive.collect();
        let old = plan.from.iter().flat_map(|from| from.pools.values());
        instances.extend(old.map(|pool| (pool.id.clone(), (pool.tuning.replicas, true))));
        let from = plan.from.iter().map(|from| Share { revision: from.number, weight: 100, routed: true });
        let shape = Shape { shares: from.collect(), ..Shape::default() };
        let used = instances.keys().cloned().collect();
        Self {
            plan,
            instances,
            shape,
            smoked: BTreeSet::new(),
            reached: BTreeSet::new(),
            shifted: None,
            holding: false,
            drained: BTreeSet::new(),
            used,
        }
    }

    /// The group's traffic is applied.
    pub(crate) fn enter(&mut self, group: &Group) -> Result<(), Broken> {
        self.shape = group.traffic.clone();
        self.reached.clear();
        let sum: u32 = self.shape.shares.iter().map(|share| u32::from(share.weight)).sum();
        let may_be_nothing = self.plan.from.is_none() || self.plan.to.is_none();
        if sum != 100 && !(sum == 0 && may_be_nothing) {
            return Err(Broken::Weights(sum));
        }
        let shifts = group.steps.iter().find_map(|step| match step {
            Step::Shift { revision, weight, .. } => Some((*revision, *weight)),
            _ => None,
        });
        self.shifted = shifts.or(self.shifted);
        for share in &self.shape.shares.clone() {
            let is_new = self.plan.to.as_ref().is_some_and(|to| to.number == share.revision);
            if is_new && share.weight > 0 && self.shifted != Some((share.revision, share.weight)) {
                return Err(Broken::Unannounced(share.weight));
            }
            let Some(revision) = self.plan.revision(share.revision) else {
                return Err(Broken::Unknown(share.revision));
            };
            if share.weight > 0 {
                self.users_reach(share, revision)?;
            }
        }
        Ok(())
    }

    /// Users have a revision: each of its services must answer, or make them wait.
    fn users_reach(&mut self, share: &Share, revision: &Revision) -> Result<(), Broken> {
        if !share.routed {
            return Err(Broken::Weights(u32::from(share.weight)));
        }
        let mut reaches_new = false;
        for pool in revision.pools.values().filter(|pool| pool.port != Port::None) {
            if self.shape.held.contains(&pool.id) {
                if !self.is_replaced(&pool.service) {
                    return Err(Broken::Held(pool.id.clone()));
                }
                continue;
            }
            let answering = self.answering(&pool.id).clone();
            if !self.is_healthy(&answering) {
                return Err(Broken::NotHealthy(answering));
            }
            reaches_new = reaches_new || self.plan.new.contains(&answering);
            self.drained.remove(&answering);
            self.used.insert(answering.clone());
            self.reached.insert(answering);
        }
        if reaches_new { self.is_smoked() } else { Ok(()) }
    }

    /// A step is done.
    pub(crate) fn step(&mut self, step: &Step) -> Result<(), Broken> {
        match step {
            Step::Before { pool } => {
                let is_first = !self.instances.contains_key(&pool.id) || self.plan.alive.contains(&pool.id);
                self.needs(is_first && self.plan.new.contains(&pool.id), step)
            }
            Step::Start { pool } => self.start(pool, step),
            Step::Scale { pool, .. } => {
                self.needs(self.plan.kept.contains(&pool.id) && self.instances.contains_key(&pool.id), step)?;
                self.instances.insert(pool.id.clone(), (pool.tuning.replicas, true));
                Ok(())
            }
            Step::Healthy { pool } => {
                let known = self.instances.get_mut(&pool.id);
                known.map(|known| known.1 = true).ok_or_else(|| Broken::NotHealthy(pool.id.clone()))
            }
            Step::Smoke { revision, checks } => self.smoke(*revision, checks, step),
            Step::Hold { .. } => {
                self.holding = true;
                self.needs(!self.shape.held.is_empty(), step)
            }
            Step::Release { .. } => {
                self.holding = false;
                self.needs(self.shape.held.is_empty(), step)
            }
            Step::Shift { revision, weight, .. } => {
                let has = |share: &Share| share.revision == *revision && share.weight == *weight;
                self.needs(!self.holding && self.shape.shares.iter().any(has), step)
            }
            Step::Withdraw => self.needs(self.shape.shares.iter().all(|share| !share.routed), step),
            Step::Bake { returns, .. } => self.needs(!(*returns && self.plan.is_irreversible()), step),
            Step::Drain { pools, .. } => {
                pools.iter().try_for_each(|pool| self.is_unused(pool))?;
                self.drained.extend(pools.iter().cloned());
                Ok(())
            }
            Step::StopNow { pool, .. } => self.stop(pool, false),
            Step::Stop { pools } => pools.iter().try_for_each(|pool| self.stop(pool, true)),
        }
    }

    fn start(&mut self, pool: &PoolSpec, step: &Step) -> Result<(), Broken> {
        self.needs(!self.plan.kept.contains(&pool.id), step)?;
        if self.is_replaced(&pool.service) {
            let others = self.revisions().filter_map(|revision| revision.pools.get(&pool.service));
            let other = others.map(|other| &other.id).find(|id| **id != pool.id && self.instances.contains_key(id));
            if let Some(other) = other {
                return Err(Broken::AtOnce(other.clone(), pool.id.clone()));
            }
        }
        let healthy = self.instances.get(&pool.id).is_some_and(|known| known.1);
        self.instances.insert(pool.id.clone(), (pool.tuning.replicas, healthy));
        Ok(())
    }

    fn stop(&mut self, pool: &PoolId, must_be_drained: bool) -> Result<(), Broken> {
        if self.plan.kept.contains(pool) {
            return Err(Broken::Kept(pool.clone()));
        }
        self.is_unused(pool)?;
        let spec = self.spec(pool);
        let may_be_busy = spec.is_some_and(|spec| spec.port != Port::None && !self.is_replaced(&spec.service));
        let in_use = self.used.contains(pool) && self.instances.contains_key(pool) && !self.drained.contains(pool);
        if may_be_busy && (in_use || !must_be_drained) {
            return Err(Broken::NotDrained(pool.clone()));
        }
        let waits = spec.is_some_and(|spec| spec.port != Port::None) && !must_be_drained;
        if waits && !self.holding {
            return Err(Broken::StillUsed(pool.clone()));
        }
        self.instances.remove(pool);
        Ok(())
    }

    fn smoke(&mut self, revision: u64, checks: &[SmokeCheck], step: &Step) -> Result<(), Broken> {
        self.needs(self.shape.pinned == Some(revision), step)?;
        let Some(revision) = self.plan.revision(revision) else { return Err(Broken::Unknown(revision)) };
        for pool in revision.pools.values().filter(|pool| pool.port != Port::None) {
            let answering = self.answering(&pool.id);
            if self.shape.held.contains(&pool.id) || !self.is_healthy(answering) {
                return Err(Broken::NotHealthy(answering.clone()));
            }
        }
        self.smoked.extend(checks.iter().map(|check| key(&check.check)));
        Ok(())
    }

    /// No user's request can come to a pool, by whatever name.
    fn is_unused(&self, pool: &PoolId) -> Result<(), Broken> {
        if self.reached.contains(pool) { Err(Broken::StillUsed(pool.clone())) } else { Ok(()) }
    }

    fn is_smoked(&self) -> Result<(), Broken> {
        let Some(to) = &self.plan.to else { return Ok(()) };
        let checks = to.checks.values().chain(to.routes.values().map(|route| &route.checks)).flatten();
        let mut wanted = checks.filter(|check| check.runs_in(Stage::Smoke));
        let missing = wanted.find(|check| !self.smoked.contains(&key(check)));
        missing.map_or(Ok(()), |check| Err(Broken::NotSmoked(check.file.clone())))
    }

    fn needs(&self, holds: bool, step: &Step) -> Result<(), Broken> {
        if holds { Ok(()) } else { Err(Broken::OutOfPlace(step.to_string())) }
    }

    fn answering<'p>(&'p self, pool: &'p PoolId) -> &'p PoolId {
        self.shape.answered_by.get(pool).unwrap_or(pool)
    }

    fn is_healthy(&self, pool: &PoolId) -> bool {
        self.instances.get(pool).is_some_and(|known| known.1)
    }

    /// Whether old and new instances of a service may not run at once.
    fn is_replaced(&self, service: &Name) -> bool {
        let pools: Vec<&PoolSpec> = self.revisions().filter_map(|revision| revision.pools.get(service)).collect();
        pools.len() == 2 && pools[0].id != pools[1].id && pools.iter().any(|pool| pool.update == Update::Replace)
    }

    fn revisions(&self) -> impl Iterator<Item = &'a Revision> {
        self.plan.from.iter().chain(&self.plan.to)
    }

    fn spec(&self, pool: &PoolId) -> Option<&'a PoolSpec> {
        let revisions = self.revisions().chain(&self.plan.leaving);
        revisions.flat_map(|revision| revision.pools.values()).find(|spec| spec.id == *pool)
    }
}

/// What tells a check from others.
fn key(check: &Check) -> (String, Digest) {
    (check.file.clone(), check.digest.clone())
}
