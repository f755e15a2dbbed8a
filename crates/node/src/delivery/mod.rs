//! Continuous deployment: looking at what environments follow, checking it, and bringing it where it belongs.

mod area;
mod carry;
mod check;
mod git;
mod http;
mod import;
mod records;
mod register;
mod run;
mod secrets;
mod soak;
mod tell;
mod watcher;
pub(crate) mod webhook;

pub(crate) use tell::job_failed;

use crate::Node;
use crate::supervise::{complain, note};
use seaworthy_confine::Walls;
use seaworthy_model::Name;
use seaworthy_model::run::{Run, RunState};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::Notify;

/// What a node knows of continuous deployment beside its store.
#[derive(Default)]
pub(crate) struct Delivery {
    /// Where webhooks come in, if anywhere.
    pub(super) webhook: Option<webhook::Place>,
    walls: OnceLock<Walls>,
    apps: Mutex<BTreeMap<Name, Watcher>>,
}

/// What wakes the task of an app, and what keeps it from looking.
#[derive(Clone, Default)]
struct Watcher {
    wake: Arc<Notify>,
    problem: Option<String>,
    runs: bool,
}

impl Delivery {
    /// With this place for webhooks.
    pub(crate) fn new(webhook: Option<webhook::Place>) -> Self {
        Self { webhook, ..Self::default() }
    }

    /// What this machine gives to keep builds apart; found out once, when something is first built.
    fn walls(&self) -> &Walls {
        self.walls.get_or_init(|| {
            let walls = Walls::find();
            walls.missing().into_iter().for_each(note);
            walls
        })
    }

    /// Looks at what an app's environments follow, now. False: they follow nothing.
    pub(super) fn wake(&self, app: &Name) -> bool {
        let apps = self.apps();
        let watcher = apps.get(app).filter(|watcher| watcher.runs);
        watcher.inspect(|watcher| watcher.wake.notify_one()).is_some()
    }

    /// Why what an app's environments follow cannot be looked at.
    pub(super) fn problem(&self, app: &Name) -> Option<String> {
        self.apps().get(app)?.problem.clone()
    }

    fn set_problem(&self, app: &Name, problem: Option<String>) -> bool {
        let mut apps = self.apps();
        let watcher = apps.entry(app.clone()).or_default();
        let is_new = watcher.problem != problem;
        watcher.problem = problem;
        is_new
    }

    fn apps(&self) -> MutexGuard<'_, BTreeMap<Name, Watcher>> {
        self.apps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Goes on with what was under way, watches what is followed, and lets webhooks in.
pub(crate) fn begin(node: &Arc<Node>) {
    if let Err(error) = node.resume_runs() {
        complain(&error);
    }
    match node.store.followers() {
        Ok(followers) => followers.iter().for_each(|follower| node.watch(&follower.app)),
        Err(error) => complain(&error.into()),
    }
    webhook::serve(node);
}

impl Node {
    /// Sees to it that an app is watched, and looks now.
    pub(super) fn watch(self: &Arc<Self>, app: &Name) {
        let wake = {
            let mut apps = self.delivery.apps();
            let watcher = apps.entry(app.clone()).or_default();
            watcher.wake.notify_one();
            if watcher.runs {
                return;
            }
            watcher.runs = true;
            Arc::clone(&watcher.wake)
        };
        tokio::spawn(watcher::watch(Arc::clone(self), app.clone(), wake));
    }

    /// After a start: what was being checked begins again, what was being deployed goes on.
    fn resume_runs(self: &Arc<Self>) -> Result<(), seaworthy_diagnostics::Diagnostic> {
        for run in self.store.unfinished_runs()? {
            match run.state {
                RunState::Queued | RunState::Done => {}
                RunState::Checking => self.keep_run(&Run { state: RunState::Queued, ..run }),
                RunState::Deploying | RunState::Baking => {
                    tokio::spawn(carry::go_on(Arc::clone(self), run));
                }
            }
        }
        Ok(())
    }

    /// Writes down how a run stands. What cannot be written is said where nobody asked; the run goes on.
    fn keep_run(&self, run: &Run) {
        if let Err(error) = self.store.set_run(run) {
            complain(&error.into());
        }
    }
}
