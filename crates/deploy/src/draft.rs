//! Groups of steps in the making: each gets the traffic as it is when it is added.

use crate::pairing::{ChangeOver, listens};
use crate::plan::{Group, Phase};
use crate::seats::Seats;
use crate::shape::{Shape, Share};
use crate::step::Step;
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::service::Protocol;
use std::collections::BTreeSet;
use std::time::Duration;

/// How long requests on their way to a pool are waited for, at most.
const QUIET_MAX: Duration = Duration::from_secs(1);

/// What is planned so far.
#[derive(Debug)]
pub(crate) struct Draft {
    /// The phase of the groups that are added next.
    pub(crate) phase: Phase,
    /// The parts that revisions have in the traffic of the groups that are added next.
    pub(crate) shares: Vec<Share>,
    /// Who answers for services that change over, in the groups that are added next.
    pub(crate) seats: Seats,
    /// The groups so far.
    pub(crate) groups: Vec<Group>,
}

impl Draft {
    pub(crate) fn new(phase: Phase, seats: Seats) -> Self {
        Self { phase, shares: Vec::new(), seats, groups: Vec::new() }
    }

    /// Gives a revision its part in the traffic from here on.
    pub(crate) fn share(&mut self, revision: u64, weight: u8, routed: bool) {
        let share = Share { revision, weight, routed };
        match self.shares.iter_mut().find(|share| share.revision == revision) {
            Some(known) => *known = share,
            None => self.shares.push(share),
        }
    }

    /// Takes away every part but that of this revision.
    pub(crate) fn share_only(&mut self, revision: Option<u64>) {
        self.shares.retain(|share| Some(share.revision) == revision);
    }

    /// Adds a group, if there is anything in it.
    pub(crate) fn add(&mut self, steps: Vec<Step>) {
        if !steps.is_empty() {
            self.add_for_traffic(steps);
        }
    }

    /// Adds a group even if nothing but its traffic is in it.
    pub(crate) fn add_for_traffic(&mut self, steps: Vec<Step>) {
        let mut traffic = Shape { shares: self.shares.clone(), ..Shape::default() };
        self.seats.describe(&mut traffic);
        traffic.pinned = steps.iter().find_map(|step| match step {
            Step::Smoke { revision, .. } => Some(*revision),
            _ => None,
        });
        self.groups.push(Group { phase: self.phase, traffic, steps });
    }

    /// Starts pools and waits until they are healthy.
    pub(crate) fn add_start<'a>(&mut self, pools: impl Iterator<Item = &'a PoolSpec> + Clone) {
        self.add(pools.clone().map(|pool| Step::Start { pool: pool.clone() }).collect());
        self.add(pools.map(|pool| Step::Healthy { pool: pool.clone() }).collect());
    }

    /// Waits until nothing is in flight to these pools.
    pub(crate) fn add_drain<'a>(&mut self, pools: impl IntoIterator<Item = &'a PoolSpec>) {
        let listening: Vec<&PoolSpec> = pools.into_iter().filter(|pool| listens(pool)).collect();
        if let Some(drain) = listening.iter().map(|pool| pool.tuning.drain).max() {
            let pools = listening.iter().map(|pool| pool.id.clone()).collect();
            self.add(vec![Step::Drain { pools, drain }]);
        }
    }

    /// The pools that are stopped so far.
    pub(crate) fn stopped(&self) -> BTreeSet<PoolId> {
        let steps = self.groups.iter().flat_map(|group| &group.steps);
        steps.flat_map(Step::stops).cloned().collect()
    }

    /// Adds the group in which only `revision` has a part in the traffic, and these pools stop.
    pub(crate) fn add_stop(&mut self, revision: Option<u64>, pools: Vec<PoolId>) {
        self.share_only(revision);
        self.add_for_traffic(if pools.is_empty() { Vec::new() } else { vec![Step::Stop { pools }] });
    }

    /// Holds the requests of services that change over; those who call the pools `open` go on.
    pub(crate) fn add_hold(&mut self, changes: &[ChangeOver<'_>], open: impl Fn(&ChangeOver<'_>) -> Option<PoolId>) {
        let holding = changes.iter().filter(|change| change.holds());
        // The first whose callers' patience ends decides.
        let Some(hold) = holding.clone().map(|change| change.new.tuning.hold.min(change.old.tuning.hold)).min() else {
            return;
        };
        for change in holding {
            self.seats.leave(&change.new.service, open(change).as_ref());
        }
        self.add(vec![Step::Hold { services: services(changes), hold }]);
    }

    /// Stops a half of each service that changes over.
    pub(crate) fn add_stop_now<'a>(&mut self, pools: impl Iterator<Item = &'a PoolSpec>) {
        let stop = |pool: &PoolSpec| {
            let (service, pool, quiet) = (pool.service.clone(), pool.id.clone(), quiet(pool));
            Step::StopNow { service, pool, quiet }
        };
        self.add(pools.map(stop).collect());
    }

    /// Lets what is held go to a half of each service that changes over.
    pub(crate) fn add_release(&mut self, changes: &[ChangeOver<'_>], to: impl Fn(&ChangeOver<'_>) -> PoolId) {
        for change in changes {
            self.seats.take(&change.new.service, &to(change));
        }
        let services = services(changes);
        if !services.is_empty() {
            self.add(vec![Step::Release { services }]);
        }
    }
}

/// How long requests on their way to a pool are waited for before it stops while others are held: no longer than any
/// request takes to arrive, and a small part of the hold. Bytes have no requests, and workers have neither.
fn quiet(pool: &PoolSpec) -> Duration {
    let http = listens(pool) && pool.protocol == Protocol::Http;
    if http { (pool.tuning.hold / 8).min(QUIET_MAX) } else { Duration::ZERO }
}

fn services(changes: &[ChangeOver<'_>]) -> Vec<Name> {
    changes.iter().filter(|change| change.holds()).map(|change| change.new.service.clone()).collect()
}
