//! Watching what an app's environments follow: one task per app, which looks, decides, and lets one run after the other
//! begin.

use super::git::Git;
use super::run::{begun, carry_out, new};
use super::sweep::sweep;
use crate::Node;
use crate::supervise::{complain, note};
use rand::Rng as _;
use seaworthy_delivery::next::{decide, next};
use seaworthy_delivery::pace::pause;
use seaworthy_delivery::watch::{Watched, watched};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::run::{Follower, Run, RunOutcome, RunState};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

/// How many runs are looked at for a decision.
pub(super) const RUNS_LOOKED_AT: u32 = 100;
/// The longest pause while something soaks: what has soaked long enough does not wait for a branch.
const SOAK_PAUSE: Duration = Duration::from_secs(10);

/// The run that is being carried out.
struct Current {
    id: u64,
    cancel: watch::Sender<Option<RunOutcome>>,
    task: JoinHandle<()>,
}

/// Watches until nothing of the app follows anything any more.
pub(super) async fn watch(node: Arc<Node>, app: Name, wake: Arc<Notify>) {
    let mut failures = 0;
    let mut current: Option<Current> = None;
    let mut looked = tokio::time::Instant::now();
    let mut due = looked;
    loop {
        let Some(followers) = followers(&node, &app) else {
            tokio::time::sleep(SOAK_PAUSE).await;
            continue;
        };
        if current.as_ref().is_some_and(|current| current.task.is_finished()) {
            current = None;
        }
        if followers.is_empty() && current.is_none() && !waits(&node, &app) {
            stop(&node, &app);
            // Who began to follow meanwhile, or sent a commit, thought that somebody watches.
            if self::followers(&node, &app).is_none_or(|followers| !followers.is_empty()) || waits(&node, &app) {
                node.watch(&app);
            }
            if let Err(error) = sweep(&node).await {
                complain(&error);
            }
            return;
        }
        if tokio::time::Instant::now() >= due {
            failures = look(&node, &app, &followers, current.as_ref(), failures).await;
            looked = tokio::time::Instant::now();
            due = looked + pause(node.options.poll_every, failures, rand::rng().random::<f64>());
        }
        let soaks = node.take_soaked(&app, &followers).await;
        if current.is_none() && !node.deployments.is_closed() {
            current = start(&node, &app);
        }
        let until = if soaks { due.min(tokio::time::Instant::now() + SOAK_PAUSE) } else { due };
        tokio::select! {
            () = tokio::time::sleep_until(until) => {}
            () = wake.notified() => due = looked,
            () = finished(current.as_mut()) => {}
        }
    }
}

/// `None`: the store does not tell, which is no reason to stop watching.
fn followers(node: &Node, app: &Name) -> Option<Vec<Follower>> {
    match node.store.followers() {
        Ok(all) => Some(all.into_iter().filter(|follower| follower.app == *app).collect()),
        Err(error) => {
            complain(&error.into());
            None
        }
    }
}

/// Whether a run waits for its turn that will come.
fn waits(node: &Node, app: &Name) -> bool {
    !node.deployments.is_closed()
        && node.store.runs(app, RUNS_LOOKED_AT).is_ok_and(|runs| runs.iter().any(|run| run.state == RunState::Queued))
}

async fn finished(current: Option<&mut Current>) {
    match current {
        Some(current) => drop((&mut current.task).await),
        None => std::future::pending().await,
    }
}

fn stop(node: &Node, app: &Name) {
    if let Some(watcher) = node.delivery.apps().get_mut(app) {
        watcher.runs = false;
        watcher.problems.clear();
    }
}

/// Looks at every branch, whatever is wrong with others; returns how often in a row no repository could be reached.
async fn look(node: &Arc<Node>, app: &Name, followers: &[Follower], current: Option<&Current>, failures: u32) -> u32 {
    let watched = watched(followers);
    let repositories: BTreeSet<&str> = watched.iter().map(|one| one.repository.as_str()).collect();
    let mut problems = BTreeMap::new();
    let mut reached = repositories.is_empty();
    for repository in repositories {
        let of_it: Vec<&Watched> = watched.iter().filter(|one| one.repository.as_str() == repository).collect();
        let branches: Vec<String> = of_it.iter().map(|one| one.branch.clone()).collect();
        let heads = Git::new(node, app, &of_it[0].repository).heads(&branches).await;
        reached |= heads.is_ok();
        for one in of_it {
            let seen = heads.as_ref().map_err(Clone::clone).and_then(|heads| node.see(app, one, heads, current));
            if let Err(error) = seen {
                problems.insert(one.source(), error);
            }
        }
    }
    // The same problem once a minute would hide every other.
    node.delivery.set_problems(app, problems).iter().for_each(complain);
    if reached { 0 } else { failures.saturating_add(1) }
}

/// Lets the next run begin.
fn start(node: &Arc<Node>, app: &Name) -> Option<Current> {
    let _turn = node.delivery.beginning();
    let runs = node.store.runs(app, RUNS_LOOKED_AT).map_err(|error| complain(&error.into())).ok()?;
    let run = next(&runs)?.clone();
    let (cancel, cancelled) = watch::channel(None);
    let id = run.id;
    node.delivery.set_current(app, id, cancel.clone());
    let run = begun(node, run);
    Some(Current { id, cancel, task: tokio::spawn(carry_out(Arc::clone(node), run, cancelled)) })
}

impl Node {
    /// Decides about the newest commit of a branch.
    fn see(
        self: &Arc<Self>,
        app: &Name,
        watched: &Watched,
        heads: &BTreeMap<String, String>,
        current: Option<&Current>,
    ) -> Result<(), Diagnostic> {
        let branch = &watched.branch;
        let Some(head) = heads.get(branch) else {
            let error = Diagnostic::user(format!("`{}` has no branch `{branch}`", watched.repository));
            return Err(error.help("push it, or let the environment follow another one"));
        };
        // Somebody may have said otherwise while the repository was asked.
        let Some(watched) = self.watched_now(app, &watched.source())? else { return Ok(()) };
        let runs = self.store.runs(app, RUNS_LOOKED_AT)?;
        let environments = watched.environments();
        let mut there = environments.iter().map(|environment| self.has(app, environment, head));
        let is_running = there.try_fold(true, |all, has| Ok::<_, Diagnostic>(all && has?))?;
        let decision = decide(&runs, &watched.source(), head, is_running);
        if decision.queue {
            let run = self.store.add_run(&new(app, watched.source(), head.clone(), watched.environments()))?;
            note(&format!("run {} of {app}: {branch} is at {}", run.id, run.short()));
        }
        for run in runs.into_iter().filter(|run| decision.supersede.contains(&run.id)) {
            self.supersede(run, current);
        }
        Ok(())
    }

    /// Whether an environment runs a commit, or is on its way there.
    fn has(&self, app: &Name, environment: &Name, commit: &str) -> Result<bool, Diagnostic> {
        let running = self.store.environment(app, environment)?.and_then(|place| place.running);
        let to = self.store.deployment_under_way(app, environment)?.and_then(|deployment| deployment.to);
        for number in running.into_iter().chain(to) {
            let provenance = self.store.revision(app, environment, number)?.map(|revision| revision.provenance);
            if provenance.is_some_and(|p| !p.dirty && p.commit.as_deref() == Some(commit)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn supersede(self: &Arc<Self>, run: Run, current: Option<&Current>) {
        match (run.state, current) {
            // It writes down itself that it was stopped.
            (_, Some(current)) if current.id == run.id => {
                current.cancel.send_replace(Some(RunOutcome::Superseded));
            }
            (RunState::Queued, _) => self.finish_run(run, RunOutcome::Superseded, None),
            _ => {}
        }
    }
}
