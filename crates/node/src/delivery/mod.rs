//! Continuous deployment: looking at what environments follow, checking it, and bringing it where it belongs.

mod area;
mod carry;
mod check;
mod git;
mod http;
mod import;
mod progress;
mod receive;
mod records;
mod register;
mod run;
mod secrets;
mod sent;
mod soak;
mod sweep;
mod tell;
mod turns;
mod watcher;
pub(crate) mod webhook;

pub(crate) use sweep::sweep;
pub(crate) use tell::job_failed;

use crate::Node;
use crate::supervise::{complain, note};
use seaworthy_confine::Walls;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::run::{Run, RunOutcome, RunSource, RunState};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::{Notify, Semaphore, watch};
use turns::Turns;

/// What a node knows of continuous deployment beside its store.
pub(crate) struct Delivery {
    /// Where webhooks come in, if anywhere.
    pub(super) webhook: Option<webhook::Place>,
    walls: OnceLock<Walls>,
    apps: Mutex<BTreeMap<Name, Watcher>>,
    /// Held while a run begins, or is stopped before it does.
    beginning: Mutex<()>,
    /// Held while git is asked which commits are here.
    asking: tokio::sync::Mutex<()>,
    /// How many commits may come in at a time.
    uploads: Semaphore,
    /// Whose commit is checked.
    turns: Turns,
    /// Which folders builds work in.
    leases: sweep::Leases,
}

/// What wakes the task of an app, and what keeps it from looking.
#[derive(Clone, Default)]
struct Watcher {
    wake: Arc<Notify>,
    /// Of each branch that cannot be looked at, why.
    problems: Problems,
    runs: bool,
    /// The run that was begun last, and how to end it.
    current: Option<(u64, Cancel)>,
    /// Held while a command is told what became of a run.
    telling: Arc<tokio::sync::Mutex<()>>,
    /// Held while the status of a commit is set.
    setting: Arc<tokio::sync::Mutex<()>>,
}

/// What is wrong with each of the branches that an app's environments follow.
type Problems = BTreeMap<RunSource, Diagnostic>;

/// Tells a run to end, and as what.
type Cancel = watch::Sender<Option<RunOutcome>>;

impl Delivery {
    /// With this place for webhooks.
    pub(crate) fn new(webhook: Option<webhook::Place>) -> Self {
        Self {
            webhook,
            walls: OnceLock::new(),
            apps: Mutex::default(),
            beginning: Mutex::default(),
            asking: tokio::sync::Mutex::default(),
            uploads: Semaphore::new(sent::UPLOADS_MAX),
            turns: Turns::new(),
            leases: sweep::Leases::default(),
        }
    }

    fn beginning(&self) -> MutexGuard<'_, ()> {
        self.beginning.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers how to end the run that begins now.
    fn set_current(&self, app: &Name, id: u64, cancel: Cancel) {
        self.apps().entry(app.clone()).or_default().current = Some((id, cancel));
    }

    /// Tells a run to end, if it is the one that was begun last.
    fn cancel(&self, run: &Run, outcome: RunOutcome) {
        let apps = self.apps();
        let current = apps.get(&run.app).and_then(|watcher| watcher.current.as_ref());
        if let Some((_, cancel)) = current.filter(|(id, _)| *id == run.id) {
            cancel.send_replace(Some(outcome));
        }
    }

    /// One command of an app is told at a time.
    fn telling(&self, app: &Name) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.apps().entry(app.clone()).or_default().telling)
    }

    /// One status of an app's commits is set at a time.
    fn setting(&self, app: &Name) -> Arc<tokio::sync::Mutex<()>> {
        Arc::clone(&self.apps().entry(app.clone()).or_default().setting)
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

    /// Why a branch that an app's environments follow cannot be looked at.
    pub(super) fn problem(&self, app: &Name, source: &RunSource) -> Option<Diagnostic> {
        self.apps().get(app)?.problems.get(source).cloned()
    }

    /// Remembers what is wrong now; those of it that were not known before.
    fn set_problems(&self, app: &Name, problems: Problems) -> Vec<Diagnostic> {
        let mut apps = self.apps();
        let watcher = apps.entry(app.clone()).or_default();
        let is_known = |(source, error): &(&RunSource, &Diagnostic)| {
            watcher.problems.get(source).is_some_and(|known| known.message == error.message)
        };
        let mut new: Vec<Diagnostic> = Vec::new();
        for (_, error) in problems.iter().filter(|one| !is_known(one)) {
            // A repository that cannot be reached is one problem, however many of its branches are followed.
            if new.iter().all(|known| known.message != error.message) {
                new.push(error.clone());
            }
        }
        watcher.problems = problems;
        new
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
    let node = Arc::clone(node);
    tokio::spawn(async move {
        if let Err(error) = sweep(&node).await {
            complain(&error);
        }
    });
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
    fn resume_runs(self: &Arc<Self>) -> Result<(), Diagnostic> {
        let unfinished = self.store.unfinished_runs()?;
        self.remove_uploads(&unfinished)?;
        for run in unfinished {
            match run.state {
                RunState::Done => {}
                RunState::Queued => self.watch(&run.app),
                RunState::Checking => {
                    let app = run.app.clone();
                    self.keep_run(&Run { state: RunState::Queued, ..run });
                    self.watch(&app);
                }
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
