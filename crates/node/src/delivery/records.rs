//! Runs as the API shows them.

use super::register::words;
use super::secrets;
use crate::Node;
use seaworthy_api::wire::{FollowStatus, WebhookInfo};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;
use seaworthy_model::follow::Follow;
use seaworthy_model::release::Provenance;
use seaworthy_model::run::{Follower, Run, RunOutcome, RunSource, RunState};

/// How many of an environment's last deployments are looked at for the one that made its revision.
const DEPLOYMENTS_LOOKED_AT: u32 = 50;

impl Node {
    /// The last runs of an app, newest first; of one environment, or of all.
    pub(crate) fn runs(&self, app: &Name, environment: Option<&Name>, limit: u32) -> Result<Vec<Run>, Diagnostic> {
        let mut runs = self.store.runs(app, u32::MAX >> 1)?;
        runs.retain(|run| environment.is_none_or(|environment| run.environments.contains(environment)));
        runs.truncate(limit as usize);
        Ok(runs.into_iter().map(|run| self.shown_run(run)).collect())
    }

    /// A run with what it waits for.
    pub(super) fn shown_run(&self, run: Run) -> Run {
        let waits_for = self.delivery.turns.before(&run.app).filter(|_| run.state == RunState::Checking);
        Run { waits_for, ..run }
    }

    /// What an environment follows, and what became of the newest commit.
    pub(crate) fn follow_status(
        &self,
        followers: &[Follower],
        app: &Name,
        environment: &Name,
    ) -> Result<Option<FollowStatus>, Diagnostic> {
        let own = followers.iter().find(|one| one.app == *app && one.environment == *environment);
        let Some(follower) = own else { return Ok(None) };
        let problem = source(follower).and_then(|source| self.delivery.problem(app, &source));
        Ok(Some(FollowStatus {
            follower: follower.clone(),
            text: words(follower),
            run: self.followed_run(app, environment)?.map(|run| run.seen_from(environment)),
            soak: self.soaks(follower)?,
            help: problem.as_ref().and_then(|problem| problem.help.clone()),
            problem: problem.map(|problem| problem.message),
        }))
    }

    /// The last run of what an environment follows.
    fn followed_run(&self, app: &Name, environment: &Name) -> Result<Option<Run>, Diagnostic> {
        Ok(self.runs(app, Some(environment), u32::MAX)?.into_iter().find(|run| !run.is_sent()))
    }

    /// Where the release that an environment runs comes from, if that is not what it was deployed from: the newest
    /// followed commit since then whose check gave the same release, so that there was nothing to deploy.
    pub(crate) fn verified(&self, revision: &Revision) -> Result<Option<Provenance>, Diagnostic> {
        let (app, environment) = (&revision.app, &revision.environment);
        let gave_it = |run: &Run| {
            !run.is_sent()
                && run.release.as_ref() == Some(&revision.release)
                && run.outcome_in(environment) == Some(RunOutcome::Deployed)
        };
        let newest = self.runs(app, Some(environment), u32::MAX)?.into_iter().find(gave_it);
        let Some(run) = newest.filter(|run| !run.deployments.contains_key(environment)) else { return Ok(None) };
        let deployments = self.store.deployments(app, environment, DEPLOYMENTS_LOOKED_AT)?;
        let since = deployments.into_iter().find(|deployment| deployment.to == Some(revision.number));
        if since.is_some_and(|since| since.started_at > run.queued_at) {
            return Ok(None);
        }
        let last = self.store.release(&revision.release)?.map(|bundle| bundle.provenance);
        let known = last.filter(|last| last.commit.as_ref() == Some(&run.commit));
        let as_before = || Provenance { commit: Some(run.commit.clone()), dirty: false, ..revision.provenance.clone() };
        Ok(Some(known.unwrap_or_else(as_before)))
    }

    /// Tries the newest commit of a branch again, whatever became of it.
    pub(crate) fn run_again(self: &std::sync::Arc<Self>, app: &Name, environment: &Name) -> Result<Run, Diagnostic> {
        let last = self.followed_run(app, environment)?;
        let last = last.filter(|run| run.state == RunState::Done).ok_or_else(|| {
            let error = Diagnostic::user(format!("there is no run of `{app}` in `{environment}` that has ended"));
            error.help(format!("`seaworthy runs {environment}` lists them"))
        })?;
        let release = last.release.clone().filter(|_| matches!(last.source, RunSource::Environment(_)));
        let new = super::run::new(app, last.source, last.commit, last.environments);
        let run = self.store.add_run(&Run { release, ..new })?;
        self.watch(app);
        Ok(run)
    }

    /// How to wake the node by a webhook.
    pub(crate) fn webhook_info(&self, app: &Name, reveal: bool) -> Result<WebhookInfo, Diagnostic> {
        let secret = secrets::webhook(&self.options.home, app)?;
        Ok(WebhookInfo {
            url: self.delivery.webhook.as_ref().map(|place| format!("http://{}/v1/webhooks/{app}", place.address)),
            secret_file: secrets::webhook_file(&self.options.home, app).display().to_string(),
            secret: reveal.then(|| secret.reveal().clone()),
        })
    }
}

/// The branch that an environment follows itself, as runs name it.
fn source(follower: &Follower) -> Option<RunSource> {
    match (&follower.follows, &follower.repository) {
        (Follow::Branch(branch), Some(repository)) => {
            Some(RunSource::Branch { repository: repository.to_string(), branch: branch.clone() })
        }
        _ => None,
    }
}
