//! Brings what runs back to what was meant to run, after the node or the whole machine came back.

use crate::control::Control;
use crate::executor::{Ended, Executor};
use crate::journal::{Entry, Journal};
use crate::plan::Plan;
use crate::run::at_once;
use crate::smoke::Smoke;
use crate::target::Target;
use crate::traffic::Traffic;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;
use seaworthy_model::pool::{PoolId, PoolSpec};
use seaworthy_model::traffic::{EnvironmentTraffic, Variant};
use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

/// How long pools that nobody wants may finish what they have in flight.
const DRAIN: Duration = Duration::from_secs(30);

/// What an environment was meant to run.
#[derive(Debug, Clone)]
pub struct Intended {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The revision that serves; `None`: nothing does.
    pub running: Option<Revision>,
    /// The deployment that was under way.
    pub under_way: Option<UnderWay>,
}

/// A deployment that has not ended.
#[derive(Debug, Clone)]
pub struct UnderWay {
    /// Its number.
    pub deployment: u64,
    /// Its plan.
    pub plan: Plan,
    /// Its progress, oldest first.
    pub entries: Vec<Entry>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciled {
    /// How the deployment that was under way ended.
    pub ended: Option<Ended>,
    /// What could not be brought back; the target goes on trying.
    pub failures: Vec<Diagnostic>,
}

impl<T: Target, R: Traffic, J: Journal, S: Smoke> Executor<T, R, J, S> {
    /// Finishes or undoes the deployment that was under way; without one, starts what the running revision needs,
    /// applies its traffic and stops everything else. Returns when that is done; `control` reaches into the deployment,
    /// and where there is none, a newer one that supersedes takes over: what it starts is not stopped.
    pub async fn reconcile(&self, intended: &Intended, mut control: Control) -> Reconciled {
        if let Some(under_way) = &intended.under_way {
            let UnderWay { deployment, plan, entries } = under_way;
            let ended = self.resume(*deployment, plan, entries, control).await;
            return Reconciled { ended: Some(ended), failures: Vec::new() };
        }
        let pools: Vec<PoolSpec> = intended.running.iter().flat_map(|r| r.pools.values().cloned()).collect();
        let mut failures = Vec::new();
        failures.extend(all(&pools, |pool| self.target.start(pool)).await);
        failures.extend(self.traffic.apply(&intended.traffic()).await.err());
        tokio::select! {
            found = all(&pools, |pool| self.target.healthy(pool)) => failures.extend(found),
            () = control.superseded() => return Reconciled { ended: None, failures },
        }
        failures.extend(self.stop_others(intended, &pools, &mut control).await);
        Reconciled { ended: None, failures }
    }

    async fn stop_others(&self, intended: &Intended, pools: &[PoolSpec], control: &mut Control) -> Vec<Diagnostic> {
        let alive = match self.target.pools(&intended.app, &intended.environment).await {
            Ok(alive) => alive,
            Err(failure) => return vec![failure],
        };
        let is_wanted = |id: &PoolId| pools.iter().any(|pool| pool.id == *id);
        let others: Vec<PoolId> = alive.into_iter().filter(|id| !is_wanted(id)).collect();
        if others.is_empty() {
            return Vec::new();
        }
        // They may belong to a deployment that a newer one superseded: what they have in flight is somebody's.
        let drained = tokio::select! {
            drained = self.traffic.drained(&others, DRAIN) => drained,
            () = control.superseded() => return Vec::new(),
        };
        let mut failures: Vec<Diagnostic> = drained.err().into_iter().collect();
        failures.extend(all(&others, |pool| self.target.stop(pool)).await);
        failures
    }
}

impl Intended {
    /// All of it to the revision that serves.
    fn traffic(&self) -> EnvironmentTraffic {
        let variants = self.running.iter().map(|revision| Variant {
            revision: revision.number,
            weight: 100,
            routes: revision.routes.clone(),
            pools: revision.pools.iter().map(|(service, pool)| (service.clone(), pool.id.clone())).collect(),
        });
        EnvironmentTraffic {
            app: self.app.clone(),
            environment: self.environment.clone(),
            variants: variants.collect(),
            held: Vec::new(),
            answered_by: BTreeMap::new(),
            pinned: None,
        }
    }
}

/// Does something to all, several at once; returns what failed.
async fn all<'a, A, F>(items: &'a [A], work: impl Fn(&'a A) -> F) -> Vec<Diagnostic>
where
    F: Future<Output = Result<(), Diagnostic>>,
{
    let outcomes: Vec<Result<(), Diagnostic>> = at_once(items.iter().map(work).collect()).await;
    outcomes.into_iter().filter_map(Result::err).collect()
}
