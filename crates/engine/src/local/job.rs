//! Commands of jobs: each has an id that whoever asks keeps, so that it is found again.

use super::command::Command;
use super::engine::Engine;
use super::{instance_logs, networks, stop};
use crate::wire::Exit;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};
use std::sync::Arc;

/// Between the id of a service's pool and the job's name.
const JOB: &str = "-job-";

/// One run of a job.
#[derive(Debug, Clone)]
pub struct JobCommand {
    /// The job.
    pub job: Name,
    /// The run's number.
    pub number: u64,
    /// The service's pool, in whose image and with whose values it runs.
    pub pool: PoolSpec,
    /// Program and arguments.
    pub run: Vec<String>,
}

impl JobCommand {
    /// The id under which its log is kept.
    #[must_use]
    pub fn id(&self) -> String {
        format!("{}{JOB}{}-{}", self.pool.id, self.job, self.number)
    }

    /// A pool of its own: the end of the service's pool, when a deployment replaces it, does not end the job.
    fn spec(&self) -> PoolSpec {
        let id = PoolId(format!("{}{JOB}{}", self.pool.id, self.job));
        PoolSpec { id, before: Vec::new(), ..self.pool.clone() }
    }

    fn command<'a>(&'a self, spec: &'a PoolSpec) -> Command<'a> {
        Command { id: self.id(), spec, run: &self.run, deployment: None }
    }

    pub(super) async fn start(&self, engine: &Arc<Engine>) -> Result<(), Diagnostic> {
        self.command(&self.spec()).start(engine).await
    }

    pub(super) async fn resume(&self, engine: &Arc<Engine>) -> Result<bool, Diagnostic> {
        self.command(&self.spec()).resume(engine).await
    }

    pub(super) async fn wait(&self, engine: &Arc<Engine>) -> Result<Exit, Diagnostic> {
        self.command(&self.spec()).wait(engine).await
    }

    /// SIGTERM, the service's grace time, SIGKILL. Tells how it ended, if it was faster.
    pub(super) async fn end(&self, engine: &Arc<Engine>) -> Result<Option<Exit>, Diagnostic> {
        let id = self.id();
        // One that is just being started is there first.
        let _change = engine.change(&id).await;
        let ended = engine.database.command(&id)?.and_then(|record| record.exit);
        if ended.is_none() {
            // Forgotten first: whoever waits for it must not take its end for one of its own.
            engine.database.forget_command(&id)?;
        }
        stop::end(&engine.folders.instance(&id), self.pool.tuning.grace).await?;
        networks::remove_command(engine, &id);
        Ok(ended)
    }

    pub(super) fn forget(&self, engine: &Engine) -> Result<(), Diagnostic> {
        engine.database.forget_command(&self.id())?;
        instance_logs::forget_old_of(engine, &self.pool, Some(self.job.as_str()));
        Ok(())
    }
}

/// The job whose run has this id, among the instances and commands of a service; `None`: it is another one.
pub(super) fn job_of<'a>(spec: &PoolSpec, id: &'a str) -> Option<&'a str> {
    let PoolSpec { app, environment, service, .. } = spec;
    let rest = id.strip_prefix(&format!("{app}-{environment}-{service}-"))?;
    // The hash of any of its pools: a job's logs are its own, whatever else was deployed meanwhile.
    let (_, rest) = rest.split_once('-')?;
    let (job, _) = rest.strip_prefix(&JOB[1..])?.rsplit_once('-')?;
    Some(job)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::pool_spec;

    #[test]
    fn logs_of_jobs_are_told_from_those_of_services_that_sound_like_jobs() {
        let mut spec = pool_spec("send-job-1", &["x"]);
        spec.id = PoolId("app-test-send-job-1-0123abcd".to_owned());
        let run = JobCommand {
            job: Name::new("night-job").expect("a name"),
            number: 12,
            pool: spec.clone(),
            run: vec!["x".to_owned()],
        };
        assert_eq!(run.id(), "app-test-send-job-1-0123abcd-job-night-job-12");
        assert_eq!(job_of(&spec, &run.id()), Some("night-job"));
        // Of another pool of the same service.
        assert_eq!(job_of(&spec, "app-test-send-job-1-ffffffff-job-night-job-7"), Some("night-job"));
        for other in ["-0", "-run-01234567", "-before-3-0"] {
            assert_eq!(job_of(&spec, &format!("{}{other}", spec.id)), None, "{other}");
        }
    }
}
