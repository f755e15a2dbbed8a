//! Bringing a run's release into the environments that follow, as a person's deployment would, and watching it there.

use crate::Node;
use seaworthy_api::wire::Intent;
use seaworthy_diagnostics::{Diagnostic, Retry};
use seaworthy_host::clock;
use seaworthy_model::deployment::{Actor, Outcome};
use seaworthy_model::follow::Follow;
use seaworthy_model::run::{Arrival, Run, RunOutcome, RunSource, RunState};
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

/// Deploys to one environment after the other, to production last, and to none after one where it did not stay; returns
/// when all traffic has moved, or none. What bakes in the last one is watched on.
pub(super) async fn deploy(node: &Arc<Node>, mut run: Run) {
    let Some(release) = run.release.clone() else {
        let failure = Diagnostic::machine("the release of the run is not known any more");
        return node.finish_run(run, RunOutcome::Refused, Some(failure));
    };
    let environments = match in_order(node, &run, &release) {
        Ok(environments) => environments,
        Err(failure) => return node.finish_run(run, RunOutcome::Refused, Some(failure)),
    };
    for (at, environment) in environments.iter().enumerate() {
        let is_last = at + 1 == environments.len();
        let arrival = arrive(node, &mut run, environment, &release, is_last).await;
        let is_bad = arrival.as_ref().is_some_and(|arrival| arrival.outcome != RunOutcome::Deployed);
        run.arrivals.extend(arrival.map(|arrival| (environment.clone(), arrival)));
        node.keep_run(&run);
        if is_bad {
            for later in &environments[at + 1..] {
                let failure = Diagnostic::user(format!("it did not stay in `{environment}`, which comes first"));
                let failure = failure.help(format!("`seaworthy status {environment}` says why"));
                run.arrivals.insert(later.clone(), Arrival { outcome: RunOutcome::Refused, failure: Some(failure) });
            }
            return finish(node, run, Some(environment));
        }
    }
    if run.deployments.is_empty() && run.arrivals.is_empty() {
        // Nothing follows any more: what a person has said meanwhile counts.
        return node.finish_run(run, RunOutcome::Superseded, None);
    }
    run.enter(RunState::Baking, clock::rfc3339(clock::now()));
    node.keep_run(&run);
    node.delivery.wake(&run.app);
    tokio::spawn(bake(Arc::clone(node), run));
}

/// The environments of a run as they come: `dev`, others by name, production.
fn in_order(node: &Node, run: &Run, release: &Digest) -> Result<Vec<Name>, Diagnostic> {
    let known = node.store.release(release)?.map(|bundle| bundle.environments).unwrap_or_default();
    let mut environments = run.environments.clone();
    environments.sort_by_key(|name| {
        let is_production = known.get(name).is_some_and(|spec| spec.production);
        (is_production, name.as_str() != "dev", name.clone())
    });
    Ok(environments)
}

/// Brings the release into one environment, and waits until it is there for good, or (of the last one) until all
/// traffic has moved; `None`: that is not known yet, or nothing there follows any more.
async fn arrive(
    node: &Arc<Node>,
    run: &mut Run,
    environment: &Name,
    release: &Digest,
    is_last: bool,
) -> Option<Arrival> {
    let id = match run.deployments.get(environment) {
        Some(id) => *id,
        None => match begin(node, run, environment, release).await {
            Ok(Begun::Deployment(id)) => {
                run.deployments.insert(environment.clone(), id);
                node.keep_run(run);
                id
            }
            Ok(Begun::RunsThere) => return Some(Arrival { outcome: RunOutcome::Deployed, failure: None }),
            Ok(Begun::FollowsNothing) => return None,
            Err(failure) => return Some(Arrival { outcome: RunOutcome::Refused, failure: Some(failure) }),
        },
    };
    let enough = |outcome: Outcome| outcome.is_final() || (is_last && outcome != Outcome::Running);
    let (outcome, failure) = ended(node, id, enough).await?;
    arrival(outcome, failure)
}

/// What a deployment's end means; `None`: it has not ended.
fn arrival(outcome: Outcome, failure: Option<Diagnostic>) -> Option<Arrival> {
    let words = match outcome {
        Outcome::Running | Outcome::Baking => return None,
        Outcome::Succeeded => return Some(Arrival { outcome: RunOutcome::Deployed, failure: None }),
        Outcome::Cancelled => "somebody stopped it",
        Outcome::Failed | Outcome::Returned => "it went back",
    };
    let failure = failure.unwrap_or_else(|| Diagnostic::service(words));
    Some(Arrival { outcome: RunOutcome::Returned, failure: Some(failure) })
}

/// Waits for the end of every deployment of a run, and says what came of it.
async fn bake(node: Arc<Node>, mut run: Run) {
    for (environment, id) in run.deployments.clone() {
        let Some((outcome, failure)) = ended(&node, id, Outcome::is_final).await else { continue };
        run.arrivals.extend(arrival(outcome, failure).map(|arrival| (environment, arrival)));
    }
    let bad = run.arrivals.iter().find(|(_, arrival)| arrival.outcome != RunOutcome::Deployed);
    let bad = bad.map(|(name, _)| name.clone());
    finish(&node, run, bad.as_ref());
}

/// Ends a run as it ended where it did not stay, if there is such an environment.
fn finish(node: &Arc<Node>, run: Run, bad: Option<&Name>) {
    let arrival = bad.and_then(|name| Some((name, run.arrivals.get(name)?.clone())));
    let Some((environment, arrival)) = arrival else { return node.finish_run(run, RunOutcome::Deployed, None) };
    let failure = arrival.failure.map(|failure| {
        let message = format!("`{environment}`: {}", failure.message);
        Diagnostic { message, ..failure }
    });
    node.finish_run(run, arrival.outcome, failure);
}

/// How a deployment began.
enum Begun {
    /// It has this number.
    Deployment(u64),
    /// There is nothing to do.
    RunsThere,
    /// A person has said so meanwhile.
    FollowsNothing,
}

/// Begins a deployment, or finds the one that a node which is gone began.
async fn begin(node: &Arc<Node>, run: &Run, environment: &Name, release: &Digest) -> Result<Begun, Diagnostic> {
    if let Some(id) = begun_before(node, run, environment, release)? {
        return Ok(Begun::Deployment(id));
    }
    let until = Instant::now() + PATIENCE;
    loop {
        if !still_follows(node, run, environment)? {
            return Ok(Begun::FollowsNothing);
        }
        let intent = Intent::Deploy { release: release.clone(), only: Vec::new(), take_over: false };
        let failure = match node.deploy(&run.app, environment, &intent, actor(&run.source)).await {
            Ok(started) => return Ok(started.deployment.map_or(Begun::RunsThere, Begun::Deployment)),
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
