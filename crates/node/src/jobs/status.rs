//! Jobs, as whoever asks sees them.

use crate::Node;
use crate::failure::Failures;
use seaworthy_api::wire;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::LogSelection;
use seaworthy_host::clock;
use seaworthy_jobs::Schedule;
use seaworthy_model::deployment::Revision;
use seaworthy_store::{JobPlace, JobRun, JobRunSelection};

/// How many of its last lines a run that ended badly shows.
const LAST_LINES: usize = 10;

impl Node {
    /// Every job of a revision that serves.
    pub(crate) fn job_status(&self, revision: &Revision) -> Result<Vec<wire::JobStatus>, Failures> {
        let (app, environment) = (&revision.app, &revision.environment);
        let mut all = Vec::new();
        for (name, job) in &revision.jobs {
            let record = self.store.job(JobPlace { app, environment, job: name })?;
            let schedule = Schedule::of(job);
            let which = JobRunSelection { app, environment: Some(environment), job: Some(name), bad: false, limit: 1 };
            let last = self.store.job_runs(which)?.into_iter().next();
            all.push(wire::JobStatus {
                job: name.clone(),
                service: job.service.clone(),
                schedule: job.schedule.clone(),
                timezone: job.zone().to_owned(),
                next_at: schedule.as_ref().ok().and_then(|schedule| schedule.after(clock::now())).map(clock::rfc3339),
                skipped: record.map_or(0, |record| record.skipped),
                last: last.map(|last| self.shown_with_lines(last)),
                problem: schedule.err().map(|error| error.message),
            });
        }
        Ok(all)
    }

    /// The last runs of jobs, the newest first.
    pub(crate) fn job_runs(&self, which: JobRunSelection<'_>) -> Result<Vec<wire::JobRun>, Failures> {
        let known = |environment| self.store.environment(which.app, environment);
        if let Some(environment) = which.environment
            && known(environment)?.is_none()
        {
            return Err(crate::logs::never_deployed(which.app, environment).into());
        }
        let runs = self.store.job_runs(which)?;
        if let (Some(job), Some(environment), true) = (which.job, which.environment, runs.is_empty())
            && let Some(revision) = self.running(which.app, environment)?
            && !revision.jobs.contains_key(job)
        {
            return Err(super::unknown(&revision, job).into());
        }
        Ok(runs.into_iter().map(shown).collect())
    }

    /// A run by its number, with what it wrote last if it ended badly.
    pub(crate) fn job_run(&self, id: u64) -> Result<wire::JobRun, Failures> {
        let run = self.store.job_run(id)?;
        let run = run.ok_or_else(|| Diagnostic::user(format!("there is no run {id} of a job here")))?;
        Ok(self.shown_with_lines(run))
    }

    fn shown_with_lines(&self, run: JobRun) -> wire::JobRun {
        let is_bad = run.outcome.as_deref().is_some_and(|outcome| outcome != "succeeded");
        let last_lines = if is_bad { self.job_last_lines(&run) } else { Vec::new() };
        wire::JobRun { last_lines, ..shown(run) }
    }

    /// What is left of its log; that there is none is no error.
    pub(crate) fn job_last_lines(&self, run: &JobRun) -> Vec<String> {
        let Ok((command, _)) = self.job_command(run) else { return Vec::new() };
        let selection = LogSelection {
            app: run.app.clone(),
            environment: run.environment.clone(),
            service: Some(command.pool.service.clone()),
            instance: Some(command.id()),
        };
        let lines = self.engine.logs(&selection, LAST_LINES).unwrap_or_default();
        lines.into_iter().map(|line| line.text).collect()
    }
}

/// A run as the API shows it.
pub(crate) fn shown(run: JobRun) -> wire::JobRun {
    wire::JobRun {
        id: run.id,
        environment: run.environment,
        job: run.job,
        revision: run.revision,
        due_at: run.due_at,
        actor: run.actor,
        started_at: run.started_at,
        ended_at: run.ended_at,
        outcome: run.outcome,
        reason: run.reason,
        last_lines: Vec::new(),
    }
}
