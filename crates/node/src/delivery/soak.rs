//! Environments that follow other environments.

use super::run::new;
use super::watcher::RUNS_LOOKED_AT;
use crate::Node;
use crate::supervise::{complain, note};
use seaworthy_delivery::soak::{Soaked, Standing, Taken, decide};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::InstanceState;
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::deployment::{Outcome, Revision};
use seaworthy_model::follow::Follow;
use seaworthy_model::run::{Follower, Run, RunOutcome, RunSource};
use std::sync::Arc;
use std::time::SystemTime;

impl Node {
    /// Queues a run for every environment whose model has soaked; true: something soaks still.
    pub(super) async fn take_soaked(self: &Arc<Self>, app: &Name, followers: &[Follower]) -> bool {
        let mut soaks = false;
        for follower in followers {
            let Follow::Environment { name, soak } = &follower.follows else { continue };
            match self.soaked(app, follower, name, *soak) {
                Ok(waits) => soaks |= waits,
                Err(error) => complain(&error),
            }
        }
        soaks
    }

    fn soaked(
        self: &Arc<Self>,
        app: &Name,
        follower: &Follower,
        followed: &Name,
        soak: std::time::Duration,
    ) -> Result<bool, Diagnostic> {
        let runs = self.store.runs(app, RUNS_LOOKED_AT)?;
        let standing = self.standing(app, followed, &runs)?;
        let taken = |revision: Revision| Taken { commit: revision.provenance.commit, release: revision.release };
        let serves = self.serves(app, &follower.environment)?.map(taken);
        let source = RunSource::Environment(followed.clone());
        let tried: Vec<Taken> = runs
            .iter()
            .filter(|run| run.source == source && run.environments.contains(&follower.environment))
            .filter(|run| run.outcome != Some(RunOutcome::Superseded))
            .filter_map(|run| {
                let commit = Some(run.commit.clone()).filter(|commit| !commit.is_empty());
                Some(Taken { commit, release: run.release.clone()? })
            })
            .collect();
        match decide(standing.as_ref(), serves.as_ref(), &tried, soak, clock::now()) {
            Soaked::Nothing => Ok(false),
            Soaked::Wait => Ok(true),
            Soaked::Take => {
                let Some(standing) = standing else { return Ok(false) };
                let commit = standing.commit.unwrap_or_default();
                let run = new(app, source, commit, vec![follower.environment.clone()]);
                let run = self.store.add_run(&Run { release: Some(standing.release), ..run })?;
                note(&format!("run {} of {app}: {} has soaked in {followed}", run.id, run.short()));
                Ok(false)
            }
        }
    }

    fn serves(&self, app: &Name, environment: &Name) -> Result<Option<Revision>, Diagnostic> {
        let first = |failures: crate::failure::Failures| failures.0.into_iter().next();
        self.running(app, environment)
            .map_err(|failures| first(failures).unwrap_or_else(|| Diagnostic::machine("the store does not tell")))
    }

    /// What an environment runs, since when, and whether it runs well. `None`: nothing, or not for good yet.
    fn standing(&self, app: &Name, environment: &Name, runs: &[Run]) -> Result<Option<Standing>, Diagnostic> {
        let Some(revision) = self.serves(app, environment)? else { return Ok(None) };
        if self.store.deployment_under_way(app, environment)?.is_some() {
            return Ok(None);
        }
        let deployments = self.store.deployments(app, environment, RUNS_LOOKED_AT)?;
        let brought = deployments
            .iter()
            .find(|deployment| deployment.to == Some(revision.number) && deployment.outcome == Outcome::Succeeded);
        let Some(since) = brought.and_then(|deployment| clock::parse(deployment.ended_at.as_deref()?)) else {
            return Ok(None);
        };
        // A newer commit with the same release soaks from the moment that it was found to change nothing here.
        let same = runs.iter().find(|run| {
            run.environments.contains(environment)
                && run.outcome_in(environment) == Some(RunOutcome::Deployed)
                && run.release.as_ref() == Some(&revision.release)
        });
        let newer = same.and_then(|run| {
            let at: SystemTime = clock::parse(run.ended_at.as_deref()?)?;
            (at > since && !run.deployments.contains_key(environment)).then(|| (run.commit.clone(), at))
        });
        let (commit, since) = match newer {
            Some((commit, at)) => (Some(commit), at),
            None => (revision.provenance.commit.clone(), since),
        };
        let pools = self.engine.status()?;
        let own = pools.iter().filter(|pool| revision.pools.values().any(|own| own.id == pool.spec.id));
        let instances: Vec<_> = own.flat_map(|pool| &pool.instances).collect();
        let well = instances.iter().all(|instance| matches!(instance.state, InstanceState::Running));
        let started = instances.iter().filter_map(|instance| instance.started_at).max();
        Ok(Some(Standing { commit, release: revision.release, since, well, started }))
    }
}
