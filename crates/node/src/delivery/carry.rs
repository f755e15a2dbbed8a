//! Bringing a run's release into the environments that follow, as a person's deployment would, and watching it there.

use crate::Node;
use seaworthy_api::wire::Intent;
use seaworthy_diagnostics::{Diagnostic, Retry};
use seaworthy_model::deployment::{Actor, Outcome};
use seaworthy_model::follow::Follow;
use seaworthy_model::run::{Run, RunOutcome, RunSource, RunState};
use seaworthy_model::{Digest, Name};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a run waits for somebody else's deployment to end.
const PATIENCE: Duration = Duration::from_secs(3600);
/// How often it asks.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// A wake-up that was missed is made up for after this time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Who deploys: no user of a machine has such a name.
pub(super) fn actor(source: &RunSource) -> Actor {
    Actor { user: format!("follow {source}"), claim: None }
}

/// Goes on with a run that was being deployed, or watched, when the node ended.
pub(super) async fn go_on(node: Arc<Node>, run: Run) {
    match run.state {
        RunState::Baking => bake(node, run).await,
        _ => deploy(&node, run).await,
    }
}

/// Deploys to one environment after the other; returns when all traffic has moved, or none. What bakes is watched on.
pub(super) async fn deploy(node: &Arc<Node>, mut run: Run) {
    let Some(release) = run.release.clone() else {
        let failure = Diagnostic::machine("the release of the run is not known any more");
        return node.finish_run(run, RunOutcome::Refused, Some(failure));
    };
    let mut refused: Vec<(Name, Diagnostic)> = Vec::new();
    for environment in run.environments.clone() {
        if !run.deployments.contains_key(&environment) {
            match begin(node, &run, &environment, &release).await {
                Ok(Some(id)) => drop(run.deployments.insert(environment.clone(), id)),
                Ok(None) => continue,
                Err(failure) => {
                    refused.push((environment, failure));
                    continue;
                }
            }
            node.keep_run(&run);
        }
        if let Some(id) = run.deployments.get(&environment) {
            ended(node, *id, |outcome| outcome != Outcome::Running).await;
        }
    }
    if let Some((environment, failure)) = refused.into_iter().next() {
        let failure = Diagnostic { message: format!("`{environment}`: {}", failure.message), ..failure };
        return node.finish_run(run, RunOutcome::Refused, Some(failure));
    }
    let follows = |environment| still_follows(node, &run, environment).unwrap_or(true);
    if run.deployments.is_empty() && !run.environments.iter().any(follows) {
        // What a person has said meanwhile counts.
        return node.finish_run(run, RunOutcome::Superseded, None);
    }
    run.state = RunState::Baking;
    node.keep_run(&run);
    node.delivery.wake(&run.app);
    tokio::spawn(bake(Arc::clone(node), run));
}

/// Waits for the end of every deployment of a run, and says what came of it.
async fn bake(node: Arc<Node>, run: Run) {
    let mut bad = None;
    for (environment, id) in &run.deployments {
        let Some((outcome, failure)) = ended(&node, *id, Outcome::is_final).await else { continue };
        if !matches!(outcome, Outcome::Succeeded) && bad.is_none() {
            let words = match outcome {
                Outcome::Cancelled => "somebody stopped it",
                _ => "it went back",
            };
            let failure = failure.unwrap_or_else(|| Diagnostic::service(words));
            bad = Some(Diagnostic { message: format!("`{environment}`: {}", failure.message), ..failure });
        }
    }
    let outcome = if bad.is_some() { RunOutcome::Returned } else { RunOutcome::Deployed };
    node.finish_run(run, outcome, bad);
}

/// Begins a deployment, or finds the one that a node which is gone began; `None`: it runs there already, or nothing
/// follows any more.
async fn begin(node: &Arc<Node>, run: &Run, environment: &Name, release: &Digest) -> Result<Option<u64>, Diagnostic> {
    if let Some(id) = begun_before(node, run, environment, release)? {
        return Ok(Some(id));
    }
    let until = Instant::now() + PATIENCE;
    loop {
        if !still_follows(node, run, environment)? {
            return Ok(None);
        }
        let intent = Intent::Deploy { release: release.clone(), only: Vec::new(), take_over: false };
        let failure = match node.deploy(&run.app, environment, &intent, actor(&run.source)).await {
            Ok(started) => return Ok(started.deployment),
            Err(failures) => failures.0.into_iter().next().unwrap_or_else(|| Diagnostic::machine("it was refused")),
        };
        if failure.retry != Retry::Later || Instant::now() >= until {
            return Err(failure);
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// What a person has said meanwhile counts.
fn still_follows(node: &Node, run: &Run, environment: &Name) -> Result<bool, Diagnostic> {
    let is_it = |follower: &seaworthy_model::run::Follower| {
        follower.app == run.app
            && follower.environment == *environment
            && match (&run.source, &follower.follows) {
                (RunSource::Branch { repository, branch }, Follow::Branch(followed)) => {
                    branch == followed && follower.repository.as_ref().is_some_and(|one| one.as_str() == repository)
                }
                (RunSource::Environment(other), Follow::Environment { name, .. }) => other == name,
                _ => false,
            }
    };
    Ok(node.store.followers()?.iter().any(is_it))
}

fn begun_before(node: &Node, run: &Run, environment: &Name, release: &Digest) -> Result<Option<u64>, Diagnostic> {
    let who = actor(&run.source);
    for deployment in node.store.deployments(&run.app, environment, 1)? {
        let since = run.started_at.as_deref().unwrap_or(&run.queued_at);
        let record = node.record(deployment)?;
        if record.actor == who && record.release.as_ref() == Some(release) && record.started_at.as_str() >= since {
            return Ok(Some(record.id));
        }
    }
    Ok(None)
}

/// Waits until a deployment stands as `enough` wants it; `None`: nobody knows it any more.
async fn ended(node: &Node, id: u64, enough: impl Fn(Outcome) -> bool) -> Option<(Outcome, Option<Diagnostic>)> {
    let mut written = node.journal.written();
    loop {
        written.mark_unchanged();
        let record = node.deployment(id).ok()?;
        if enough(record.outcome) {
            return Some((record.outcome, record.failure));
        }
        let _ = tokio::time::timeout(LOOK_AGAIN, written.changed()).await;
    }
}
