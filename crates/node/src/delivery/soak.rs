//! Environments that follow other environments.

use super::run::new;
use super::watcher::RUNS_LOOKED_AT;
use crate::Node;
use crate::supervise::{complain, note};
use seaworthy_api::wire::SoakStatus;
use seaworthy_delivery::soak::{Soaked, Standing, Taken, decide};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::{InstanceState, InstanceStatus};
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::deployment::{Outcome, Revision};
use seaworthy_model::follow::Follow;
use seaworthy_model::run::{Follower, Run, RunOutcome, RunSource};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

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
        soak: Duration,
    ) -> Result<bool, Diagnostic> {
        match self.weigh(app, follower, followed, soak)? {
            (Soaked::Nothing, _) | (_, None) => Ok(false),
            (Soaked::Wait, Some(_)) => Ok(true),
            (Soaked::Take, Some(Soaking { standing, .. })) => {
                let (source, commit) = (RunSource::Environment(followed.clone()), standing.commit.unwrap_or_default());
                let run = new(app, source, commit, vec![follower.environment.clone()]);
                let run = self.store.add_run(&Run { release: Some(standing.release), ..run })?;
                note(&format!("run {} of {app}: {} has soaked in {followed}", run.id, run.short()));
                Ok(false)
            }
        }
    }

    /// What soaks for an environment, if it follows another one and has not taken it yet.
    pub(super) fn soaks(&self, follower: &Follower) -> Result<Option<SoakStatus>, Diagnostic> {
        let Follow::Environment { name, soak } = &follower.follows else { return Ok(None) };
        let (decided, soaking) = self.weigh(&follower.app, follower, name, *soak)?;
        let Some(Soaking { standing, reason }) = soaking.filter(|_| decided != Soaked::Nothing) else {
            return Ok(None);
        };
        Ok(Some(SoakStatus {
            environment: name.clone(),
            since: clock::rfc3339(standing.undisturbed_since()),
            until: standing.soaks_until(*soak).map(clock::rfc3339),
            commit: standing.commit,
            release: standing.release,
            reason,
        }))
    }

    /// Decides about what an environment runs that another one follows.
    fn weigh(
        &self,
        app: &Name,
        follower: &Follower,
        followed: &Name,
        soak: Duration,
    ) -> Result<(Soaked, Option<Soaking>), Diagnostic> {
        let runs = self.store.runs(app, RUNS_LOOKED_AT)?;
        let soaking = self.soaking(app, followed, &runs)?;
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
        let standing = soaking.as_ref().map(|soaking| &soaking.standing);
        Ok((decide(standing, serves.as_ref(), &tried, soak, clock::now()), soaking))
    }

    fn serves(&self, app: &Name, environment: &Name) -> Result<Option<Revision>, Diagnostic> {
        let first = |failures: crate::failure::Failures| failures.0.into_iter().next();
        self.running(app, environment)
            .map_err(|failures| first(failures).unwrap_or_else(|| Diagnostic::machine("the store does not tell")))
    }

    /// What an environment runs, since when, and whether it runs well. `None`: nothing, or not for good yet.
    fn soaking(&self, app: &Name, environment: &Name, runs: &[Run]) -> Result<Option<Soaking>, Diagnostic> {
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
        let instances: Vec<(&Name, &InstanceStatus)> =
            own.flat_map(|pool| pool.instances.iter().map(|instance| (&pool.spec.service, instance))).collect();
        let bad = instances.iter().find(|(_, instance)| instance.state != InstanceState::Running);
        let last = instances.iter().max_by_key(|(_, instance)| instance.started_at);
        let started = last.and_then(|(_, instance)| instance.started_at);
        let again = last.filter(|_| started.is_some_and(|started| started > since));
        let reason = bad.or(again).map(|(service, instance)| disturbance(service, instance));
        let standing = Standing { commit, release: revision.release, since, well: bad.is_none(), started };
        Ok(Some(Soaking { standing, reason }))
    }
}

/// What soaks, and what disturbed it.
struct Soaking {
    standing: Standing,
    reason: Option<String>,
}

/// What is, or was, wrong with an instance, in words.
fn disturbance(service: &Name, instance: &InstanceStatus) -> String {
    let ended = instance.last_exit.as_ref().map(|exit| format!("ended with {}", exit.how));
    let what = match (instance.state, ended) {
        (InstanceState::Running, Some(ended)) => format!("{ended} and was started again"),
        (InstanceState::Running, None) => "was started again".to_owned(),
        (InstanceState::Restarting, Some(ended)) => format!("{ended} and is being started again"),
        (InstanceState::Starting | InstanceState::Restarting, _) => "is being started".to_owned(),
        (InstanceState::CrashLoop, _) => "ends again and again".to_owned(),
        (InstanceState::Stopping | InstanceState::Stopped, _) => "does not run".to_owned(),
    };
    format!("an instance of `{service}` {what}")
}
