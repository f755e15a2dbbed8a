//! Commands that run by the clock: started when they are due, waited for, written down.

mod run;
mod status;

pub(crate) use run::Jobs;

use crate::Node;
use crate::failure::Failures;
use crate::supervise::complain;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::clock;
use seaworthy_jobs::{Known, Schedule, Todo, decide};
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;
use seaworthy_model::job::Job;
use seaworthy_store::{JobPlace, JobRun};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often is looked at the latest: a clock may be moved, and an environment be brought back.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Runs that are under way at once, on the whole node; what is due beyond that waits.
const RUNS_AT_ONCE: usize = 32;

/// Goes on with the runs that were under way when the node before this one ended, then starts what is due.
pub(crate) async fn keep_jobs(node: Arc<Node>) {
    if node.options.throwaway {
        return; // It is there to be asked, and nothing else may meddle with the answer.
    }
    match node.store.job_runs_under_way() {
        Ok(runs) => runs.into_iter().for_each(|run| node.accompany(run)),
        Err(error) => complain(&error.into()),
    }
    loop {
        let next = node.start_due(clock::now());
        let wait = next.and_then(|next| next.duration_since(clock::now()).ok()).unwrap_or(LOOK_EVERY);
        let _ = tokio::time::timeout(wait.min(LOOK_EVERY), node.jobs.wake.notified()).await;
    }
}

impl Node {
    /// Starts what is due in every environment; when something is due next. What is wrong with one keeps no other.
    fn start_due(self: &Arc<Self>, now: SystemTime) -> Option<SystemTime> {
        if self.deployments.is_closed() {
            return None;
        }
        let environments = self.store.environments().unwrap_or_else(|error| {
            complain(&error.into());
            Vec::new()
        });
        let mut next = None;
        for place in environments {
            match self.look_at(&place.app, &place.environment, now) {
                Ok(due) => next = next.into_iter().chain(due).min(),
                Err(failures) => failures.0.iter().for_each(complain),
            }
        }
        next
    }

    /// Does what is to be done in one environment.
    fn look_at(
        self: &Arc<Self>,
        app: &Name,
        environment: &Name,
        now: SystemTime,
    ) -> Result<Option<SystemTime>, Failures> {
        let revision = self.running(app, environment)?;
        let jobs = revision.iter().flat_map(|revision| &revision.jobs);
        self.store.keep_jobs(app, environment, &jobs.map(|(name, _)| name).collect::<Vec<_>>())?;
        let under_way = self.store.job_runs_under_way()?;
        let Some(revision) = revision else {
            let here = under_way.iter().filter(|run| run.app == *app && run.environment == *environment);
            here.for_each(|run| self.jobs.stop(run.id, "nothing serves in its environment any more"));
            return Ok(None);
        };
        // After a start of the machine, what a job calls is there first.
        if self.deployments.is_bringing_back(&(app.clone(), environment.clone())) {
            return Ok(None);
        }
        let mut next = None;
        for (name, job) in &revision.jobs {
            next = next.into_iter().chain(self.look_at_job(&revision, name, job, &under_way, now)?).min();
        }
        Ok(next)
    }

    /// Does what is to be done about one job; when it is due next.
    fn look_at_job(
        self: &Arc<Self>,
        revision: &Revision,
        name: &Name,
        job: &Job,
        under_way: &[JobRun],
        now: SystemTime,
    ) -> Result<Option<SystemTime>, Failures> {
        // `status` says what is wrong with a schedule that is not known.
        let Ok(schedule) = Schedule::of(job) else { return Ok(None) };
        let place = JobPlace { app: &revision.app, environment: &revision.environment, job: name };
        let record = self.store.know_job(place, &format!("{} {}", job.schedule, job.zone()))?;
        let until = clock::parse(&record.until).unwrap_or(now);
        let runs = under_way
            .iter()
            .any(|run| run.app == revision.app && run.environment == revision.environment && run.job == *name);
        match decide(&schedule, Known { until, runs }, now) {
            Todo::Wait(next) => return Ok(next),
            Todo::Skip(due) => self.store.skip_job(place, &clock::rfc3339(due))?,
            Todo::Run(_) if self.jobs.count() >= RUNS_AT_ONCE => return Ok(None),
            Todo::Run(due) => {
                let run = self.store.begin_job_run(place, revision.number, Some(&clock::rfc3339(due)), None)?;
                run.into_iter().for_each(|run| self.accompany(run));
            }
        }
        Ok(schedule.after(now))
    }

    /// Starts a run because somebody asks for it.
    pub(crate) fn run_job_now(
        self: &Arc<Self>,
        app: &Name,
        environment: &Name,
        job: &Name,
        actor: &str,
    ) -> Result<JobRun, Failures> {
        let Some(revision) = self.running(app, environment)? else {
            let error = Diagnostic::user(format!("nothing of `{app}` runs in `{environment}`"));
            return Err(error.help(format!("`seaworthy up {environment}` first")).into());
        };
        if !revision.jobs.contains_key(job) {
            return Err(unknown(&revision, job).into());
        }
        let busy = |what: String, help: String| Failures::from(Diagnostic::user(what).help(help).later());
        if self.deployments.is_closed() {
            return Err(busy("the node is stopping everything".to_owned(), "try again when it runs again".to_owned()));
        }
        if self.jobs.count() >= RUNS_AT_ONCE {
            let what = format!("{RUNS_AT_ONCE} runs of jobs are under way on this node, which is the most at once");
            return Err(busy(what, "try again when some have ended".to_owned()));
        }
        let place = JobPlace { app, environment, job };
        let run = self.store.begin_job_run(place, revision.number, None, Some(actor))?.ok_or_else(|| {
            let what = format!("a run of `{job}` is under way in `{environment}`");
            busy(what, format!("`seaworthy jobs {environment} {job}` shows it; no two of a job run at once"))
        })?;
        self.accompany(run.clone());
        Ok(run)
    }
}

/// A job that a revision does not have.
fn unknown(revision: &Revision, job: &Name) -> Diagnostic {
    let Revision { app, environment, jobs, .. } = revision;
    let error = Diagnostic::user(format!("`{app}` has no job `{job}` in `{environment}`"));
    let known: Vec<String> = jobs.keys().map(|job| format!("`{job}`")).collect();
    if known.is_empty() {
        error.help(format!("declare it with `[jobs.{job}]` and deploy"))
    } else {
        error.help(format!("it has {}", known.join(", ")))
    }
}
