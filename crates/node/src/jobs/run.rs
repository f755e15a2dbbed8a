//! One run of a job, from the note that it shall be to the note how it ended.

use crate::Node;
use crate::supervise::{complain, note};
use seaworthy_diagnostics::{Diagnostic, Retry};
use seaworthy_engine::JobCommand;
use seaworthy_engine::wire::{Exit, ExitKind};
use seaworthy_host::clock;
use seaworthy_model::units::format_duration;
use seaworthy_store::JobRun;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, watch};

/// How soon it is tried again to write down how a run ended: the disk may have been full.
const WRITE_AGAIN: Duration = Duration::from_secs(5);

/// Runs of jobs that this process sees to their end.
pub(crate) struct Jobs {
    /// By number: where to say why it shall end.
    under_way: Mutex<BTreeMap<u64, watch::Sender<Option<&'static str>>>>,
    /// The run that ended last.
    pub ended: watch::Sender<u64>,
    /// Told when something else may serve.
    pub wake: Notify,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { under_way: Mutex::default(), ended: watch::channel(0).0, wake: Notify::new() }
    }
}

impl Jobs {
    /// How many are under way.
    pub(super) fn count(&self) -> usize {
        self.lock().len()
    }

    /// Has a run end.
    pub(super) fn stop(&self, id: u64, why: &'static str) {
        if let Some(tell) = self.lock().get(&id) {
            tell.send_replace(Some(why));
        }
    }

    /// Ends all of them.
    pub(crate) async fn stop_all(&self) {
        let mut ended = self.ended.subscribe();
        for tell in self.lock().values() {
            tell.send_replace(Some("the node stopped everything"));
        }
        // What ends a run has a limit of its own.
        let _ = ended.wait_for(|_| self.count() == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, watch::Sender<Option<&'static str>>>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a run ended, and why if not well.
struct Ended {
    outcome: &'static str,
    reason: Option<String>,
}

impl Ended {
    fn badly(outcome: &'static str, reason: impl Into<String>) -> Self {
        Self { outcome, reason: Some(reason.into()) }
    }

    /// Whether somebody should hear of it: whoever stopped it knows.
    fn is_bad(&self) -> bool {
        matches!(self.outcome, "failed" | "timed-out" | "lost")
    }

    fn by(exit: &Exit) -> Self {
        match &exit.how {
            ExitKind::Code(0) => Self { outcome: "succeeded", reason: None },
            how => Self::badly("failed", format!("ended with {how}")),
        }
    }
}

impl Node {
    /// Sees a run to its end in the background; one that was started before, by another node, too.
    pub(super) fn accompany(self: &Arc<Self>, run: JobRun) {
        let (tell, told) = watch::channel(None);
        self.jobs.lock().insert(run.id, tell);
        let node = Arc::clone(self);
        tokio::spawn(async move {
            let command = node.job_command(&run);
            let ended = match &command {
                Ok((command, limit)) => node.see_through(&run, command, *limit, told).await,
                Err(error) => Ended::badly("failed", error.message.clone()),
            };
            node.write_job_down(&run, &ended).await;
            // Only now: what is forgotten without being written down would be started again.
            if let Ok((command, _)) = &command
                && let Err(error) = node.engine.forget_job(command)
            {
                complain(&error);
            }
            node.jobs.lock().remove(&run.id);
            node.jobs.ended.send_replace(run.id);
            if ended.is_bad() {
                crate::delivery::job_failed(&node, run.id);
            }
        });
    }

    async fn see_through(
        &self,
        run: &JobRun,
        command: &JobCommand,
        limit: Duration,
        mut told: watch::Receiver<Option<&'static str>>,
    ) -> Ended {
        match self.start_or_resume(run, command).await {
            Ok(true) => {}
            Ok(false) => return Ended::badly("lost", "nobody knows how it ended"),
            Err(error) => return Ended::badly("failed", error.message),
        }
        let begun = run.begun_at.as_deref().and_then(clock::parse).unwrap_or_else(clock::now);
        let left = limit.saturating_sub(clock::now().duration_since(begun).unwrap_or_default());
        let end = tokio::select! {
            biased;
            ended = self.engine.wait_for_job(command) => return match ended {
                Ok(exit) => Ended::by(&exit),
                Err(error) if error.retry == Retry::Later => Ended::badly("lost", error.message),
                Err(error) => Ended::badly("stopped", error.message),
            },
            () = tokio::time::sleep(left) => {
                Ended::badly("timed-out", format!("its time limit is {}", format_duration(limit)))
            }
            why = told.wait_for(Option::is_some) => {
                Ended::badly("stopped", why.ok().and_then(|why| *why).unwrap_or_default())
            }
        };
        match self.engine.end_job(command).await {
            // It was faster, or did so while there was no node.
            Ok(Some(exit)) => Ended::by(&exit),
            Ok(None) => end,
            Err(error) => {
                complain(&error);
                end
            }
        }
    }

    /// False when nothing is there of what was started before: it is not started twice.
    async fn start_or_resume(&self, run: &JobRun, command: &JobCommand) -> Result<bool, Diagnostic> {
        if run.begun_at.is_some() {
            return self.engine.resume_job(command).await;
        }
        // Written down first: after a power cut nothing else tells that it ran, and it may not run twice.
        self.store.set_job_run_begun(run.id)?;
        self.engine.start_job(command).await?;
        Ok(true)
    }

    async fn write_job_down(&self, run: &JobRun, ended: &Ended) {
        if let Some(reason) = &ended.reason {
            note(&format!("job {} of {}/{}: {}: {reason}", run.job, run.app, run.environment, ended.outcome));
        }
        while let Err(error) = self.store.end_job_run(run, ended.outcome, ended.reason.as_deref()) {
            complain(&error.into());
            tokio::time::sleep(WRITE_AGAIN).await;
        }
    }

    /// What runs, as it was in the run's revision, and how long it may take.
    pub(super) fn job_command(&self, run: &JobRun) -> Result<(JobCommand, Duration), Diagnostic> {
        let gone = || Diagnostic::machine(format!("revision {} is gone", run.revision));
        let mut revision = self.store.revision(&run.app, &run.environment, run.revision)?.ok_or_else(gone)?;
        let job = revision.jobs.remove(&run.job).ok_or_else(gone)?;
        let pool = revision.pools.remove(&job.service).ok_or_else(|| {
            Diagnostic::user(format!("its service `{}` is not in revision {}", job.service, run.revision))
        })?;
        Ok((JobCommand { job: run.job.clone(), number: run.id, pool, run: job.run }, job.time_limit))
    }
}
