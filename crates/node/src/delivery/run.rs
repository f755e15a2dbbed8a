//! Runs, from their beginning to their end.

use super::carry;
use super::check::{self, Cancelled, Origin, Stopped, Subject, check};
use super::{sent, tell};
use crate::Node;
use crate::supervise::note;
use seaworthy_delivery::evidence::line;
use seaworthy_delivery::watch::{Watched, watched, within_reach};
use seaworthy_diagnostics::{Diagnostic, Retry};
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::run::{Run, RunOutcome, RunSource, RunState};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often what the machine is to blame for is tried.
const ATTEMPTS_MAX: u32 = 3;
/// How long to wait before the second time; twice as long before the third.
const PAUSE: Duration = Duration::from_secs(10);

/// A run that waits for its turn.
pub(super) fn new(app: &Name, source: RunSource, commit: String, environments: Vec<Name>) -> Run {
    Run {
        id: 0,
        app: app.clone(),
        source,
        commit,
        environments,
        state: RunState::Queued,
        outcome: None,
        failure: None,
        release: None,
        deployments: BTreeMap::new(),
        arrivals: BTreeMap::new(),
        attempts: 0,
        queued_at: clock::rfc3339(clock::now()),
        started_at: None,
        since: None,
        ended_at: None,
        log: None,
        bundle: None,
        waits_for: None,
    }
}

/// Writes down that a run begins.
pub(super) fn begun(node: &Node, mut run: Run) -> Run {
    run.enter(RunState::Checking, clock::rfc3339(clock::now()));
    run.attempts += 1;
    run.started_at.clone_from(&run.since);
    if !matches!(run.source, RunSource::Environment(_)) {
        run.log = Some(check::log_path(node, &run).display().to_string());
    }
    node.keep_run(&run);
    run
}

/// Carries a run out that has begun, until no other has to wait for it.
pub(super) async fn carry_out(node: Arc<Node>, mut run: Run, cancelled: Cancelled) {
    note(&format!("run {} of {}: {}", run.id, run.app, line(&run)));
    tell::forge(&node, &run);
    match release(&node, &run, &cancelled).await {
        Ok(release) if run.is_sent() => {
            run.release = Some(release);
            node.finish_run(run, RunOutcome::Built, None);
        }
        Ok(release) => {
            run.release = Some(release);
            run.enter(RunState::Deploying, clock::rfc3339(clock::now()));
            node.keep_run(&run);
            carry::deploy(&node, run).await;
        }
        Err(Stopped::Superseded) => node.finish_run(run, why(&cancelled), None),
        Err(Stopped::Failed(failure)) => node.finish_run(run, RunOutcome::Failed, Some(failure)),
        Err(Stopped::Unknown(failure)) if failure.retry == Retry::Later && run.attempts < ATTEMPTS_MAX => {
            note(&format!("run {} of {}: {}; it is tried again", run.id, run.app, failure.message));
            let pause = PAUSE * 2_u32.pow(run.attempts.saturating_sub(1));
            let mut cancelled = cancelled.clone();
            let waiting = tokio::time::timeout(pause, cancelled.wait_for(Option::is_some));
            let is_cancelled = matches!(waiting.await, Ok(Ok(_)));
            if is_cancelled {
                node.finish_run(run, why(&cancelled), None);
            } else {
                run.enter(RunState::Queued, clock::rfc3339(clock::now()));
                node.keep_run(&run);
            }
        }
        Err(Stopped::Unknown(failure)) => node.finish_run(run, RunOutcome::Refused, Some(failure)),
    }
}

/// As what somebody wants a run to end.
fn why(cancelled: &Cancelled) -> RunOutcome {
    cancelled.borrow().unwrap_or(RunOutcome::Superseded)
}

/// The release of a run's commit: built now, or taken from the environment that ran it.
async fn release(node: &Arc<Node>, run: &Run, cancelled: &Cancelled) -> Result<seaworthy_model::Digest, Stopped> {
    if let (RunSource::Environment(_), Some(release)) = (&run.source, &run.release) {
        return Ok(release.clone());
    }
    if let (RunSource::Sent { manifest, .. }, Some(environment)) = (&run.source, run.environments.first()) {
        let from = Origin::Person { environment, bundle: sent::bundle(node, run) };
        let bundle = check(node, &Subject { run, from, manifest }, cancelled).await?;
        // Whoever sent it could have sent the release as well.
        return Ok(node.accept_release(&bundle)?);
    }
    let Some(watched) = node.watched_now(&run.app, &run.source)? else { return Err(Stopped::Superseded) };
    let from = Origin::Branch { repository: &watched.repository, branch: &watched.branch };
    let subject = Subject { run, from, manifest: &watched.manifest };
    let bundle = check(node, &subject, cancelled).await?;
    Ok(node.accept_followed(run, bundle)?)
}

impl Node {
    /// A branch, if something of the app follows it still.
    pub(super) fn watched_now(&self, app: &Name, source: &RunSource) -> Result<Option<Watched>, Diagnostic> {
        let own: Vec<_> = self.store.followers()?.into_iter().filter(|follower| follower.app == *app).collect();
        Ok(watched(&own).into_iter().find(|watched| watched.source() == *source))
    }

    /// Takes a release in. Where the same one is here already, only the values of environments that follow the branch
    /// are taken from this commit: a branch's manifest changes nothing else.
    fn accept_followed(&self, run: &Run, mut bundle: ReleaseBundle) -> Result<seaworthy_model::Digest, Diagnostic> {
        let followers: Vec<_> =
            self.store.followers()?.into_iter().filter(|follower| follower.app == run.app).collect();
        let within = within_reach(&followers, &run.source);
        if let Some(known) = self.store.release(&bundle.release.digest())? {
            let mut environments = known.environments;
            environments.extend(bundle.environments.into_iter().filter(|(name, _)| within.contains(name)));
            bundle.environments = environments;
        }
        self.accept_release(&bundle)
    }

    /// Writes down how a run ended, and tells whoever wants to know.
    pub(super) fn finish_run(self: &Arc<Self>, mut run: Run, outcome: RunOutcome, failure: Option<Diagnostic>) {
        run.enter(RunState::Done, clock::rfc3339(clock::now()));
        run.outcome = Some(outcome);
        run.failure = failure;
        run.ended_at.clone_from(&run.since);
        self.keep_run(&run);
        sent::forget(self, &run);
        note(&format!("run {} of {}: {}", run.id, run.app, line(&run)));
        tell::ended(self, &run);
        self.delivery.wake(&run.app);
    }
}
