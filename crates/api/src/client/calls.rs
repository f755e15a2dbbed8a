//! One function per endpoint.

use super::ClientError;
use super::connection::{Client, collect};
use crate::wire::{
    DeploymentRecord, DeploymentRequest, DeploymentStarted, DifferenceAnswer, DigestList, FunctionalCheck, JobRun,
    LogLine, NodeInfo, PlanAnswer, ProgressEvent, ReleaseAccepted, RunEvent, RunRequest, Status, StopRequest,
    WebhookInfo,
};
use hyper::Method;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::{Digest, Name};

pub(super) const NOTHING: Option<&()> = None;

/// Which lines of which service's log.
#[derive(Debug, Clone, Default)]
pub struct LogQuery {
    /// One service, or all.
    pub service: Option<Name>,
    /// How many of the last lines come first.
    pub lines: usize,
    /// Whether new ones follow.
    pub follow: bool,
}

impl Client {
    /// `GET /v1/node`.
    ///
    /// # Errors
    /// Every call fails with a [`ClientError`] when the node cannot be reached, refuses, or fails.
    pub async fn node(&mut self) -> Result<NodeInfo, ClientError> {
        self.call(Method::GET, "/v1/node", NOTHING).await
    }

    /// `POST /v1/node/stop`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn stop_node(&mut self, all: bool) -> Result<(), ClientError> {
        self.call::<_, serde_json::Value>(Method::POST, "/v1/node/stop", Some(&StopRequest { all })).await.map(drop)
    }

    /// `POST /v1/blobs/missing`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn missing(&mut self, digests: Vec<Digest>) -> Result<Vec<Digest>, ClientError> {
        let list: DigestList = self.call(Method::POST, "/v1/blobs/missing", Some(&DigestList { digests })).await?;
        Ok(list.digests)
    }

    /// `PUT /v1/blobs/DIGEST`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn put_blob(&mut self, digest: &Digest, bytes: Vec<u8>) -> Result<(), ClientError> {
        let answer = self.send(Method::PUT, &format!("/v1/blobs/{digest}"), bytes.into()).await?;
        // An answer that is dropped before its end takes the connection with it.
        collect(answer.into_body()).await.map(drop)
    }

    /// `POST /v1/releases`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn put_release(&mut self, bundle: &ReleaseBundle) -> Result<Digest, ClientError> {
        let accepted: ReleaseAccepted = self.call(Method::POST, "/v1/releases", Some(bundle)).await?;
        Ok(accepted.release)
    }

    /// `POST /v1/apps/APP/environments/ENV/plan`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn plan(
        &mut self,
        app: &Name,
        environment: &Name,
        request: &DeploymentRequest,
    ) -> Result<PlanAnswer, ClientError> {
        self.call(Method::POST, &format!("/v1/apps/{app}/environments/{environment}/plan"), Some(request)).await
    }

    /// `POST /v1/apps/APP/environments/ENV/deployments`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn deploy(
        &mut self,
        app: &Name,
        environment: &Name,
        request: &DeploymentRequest,
    ) -> Result<DeploymentStarted, ClientError> {
        self.call(Method::POST, &format!("/v1/apps/{app}/environments/{environment}/deployments"), Some(request)).await
    }

    /// `POST /v1/apps/APP/environments/ENV/functional`: runs the functional checks of what serves there, on a node that
    /// is thrown away afterwards; any other refuses.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn functional(&mut self, app: &Name, environment: &Name) -> Result<Vec<FunctionalCheck>, ClientError> {
        self.call(Method::POST, &format!("/v1/apps/{app}/environments/{environment}/functional"), NOTHING).await
    }

    /// `GET /v1/deployments/ID`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn deployment(&mut self, id: u64) -> Result<DeploymentRecord, ClientError> {
        self.call(Method::GET, &format!("/v1/deployments/{id}"), NOTHING).await
    }

    /// `POST /v1/deployments/ID/stop`: gives it up; the old revision serves.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn stop_deployment(&mut self, id: u64) -> Result<(), ClientError> {
        let path = format!("/v1/deployments/{id}/stop");
        self.call::<_, serde_json::Value>(Method::POST, &path, NOTHING).await.map(drop)
    }

    /// `GET /v1/deployments/ID/events?after=N`: what happened after event N, then what happens, to the end of the
    /// deployment, or until `each` returns false.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn events(
        &mut self,
        id: u64,
        after: u64,
        each: impl FnMut(ProgressEvent) -> bool,
    ) -> Result<(), ClientError> {
        self.lines(Method::GET, &format!("/v1/deployments/{id}/events?after={after}"), NOTHING, each).await
    }

    /// `GET /v1/status`, of a node that runs.
    ///
    /// # Errors
    /// See [`Self::node`]; when somebody stopped it.
    pub async fn status(&mut self, app: Option<&Name>, environment: Option<&Name>) -> Result<Status, ClientError> {
        let status = self.status_if_stopped_too(app, environment).await?;
        match &status.node_stopped {
            Some(stopped) => Err(ClientError::Refused { status: 409, errors: vec![stopped.diagnostic()] }),
            None => Ok(status),
        }
    }

    /// `GET /v1/status`: that it is stopped is an answer, too.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn status_if_stopped_too(
        &mut self,
        app: Option<&Name>,
        environment: Option<&Name>,
    ) -> Result<Status, ClientError> {
        let app = app.map(Name::as_str).unwrap_or_default();
        let environment = environment.map(Name::as_str).unwrap_or_default();
        self.call(Method::GET, &format!("/v1/status?app={app}&environment={environment}"), NOTHING).await
    }

    /// `GET /v1/history`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn history(
        &mut self,
        app: &Name,
        environment: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<DeploymentRecord>, ClientError> {
        let environment = environment.map(Name::as_str).unwrap_or_default();
        self.call(Method::GET, &format!("/v1/history?app={app}&environment={environment}&limit={limit}"), NOTHING).await
    }

    /// `GET /v1/apps/APP/difference?a=A&b=B`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn difference(&mut self, app: &Name, a: &Name, b: &Name) -> Result<Vec<String>, ClientError> {
        let path = format!("/v1/apps/{app}/difference?a={a}&b={b}");
        let answer: DifferenceAnswer = self.call(Method::GET, &path, NOTHING).await?;
        Ok(answer.changes)
    }

    /// `GET /v1/apps/APP/webhook`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn webhook(&mut self, app: &Name, reveal: bool) -> Result<WebhookInfo, ClientError> {
        self.call(Method::GET, &format!("/v1/apps/{app}/webhook?reveal={reveal}"), NOTHING).await
    }

    /// `GET /v1/apps/APP/environments/ENV/logs`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn logs(
        &mut self,
        app: &Name,
        environment: &Name,
        query: &LogQuery,
        each: impl FnMut(LogLine) -> bool,
    ) -> Result<(), ClientError> {
        let service = query.service.as_ref().map(Name::as_str).unwrap_or_default();
        let (lines, follow) = (query.lines, query.follow);
        let path =
            format!("/v1/apps/{app}/environments/{environment}/logs?service={service}&lines={lines}&follow={follow}");
        self.lines(Method::GET, &path, NOTHING, each).await
    }

    /// `GET /v1/jobs`: the last runs of jobs, the newest first; `bad`: only those that ended badly.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn job_runs(
        &mut self,
        app: &Name,
        environment: Option<&Name>,
        job: Option<&Name>,
        bad: bool,
        limit: usize,
    ) -> Result<Vec<JobRun>, ClientError> {
        let [environment, job] = [environment, job].map(|name| name.map(Name::as_str).unwrap_or_default());
        let path = format!("/v1/jobs?app={app}&environment={environment}&job={job}&bad={bad}&limit={limit}");
        self.call(Method::GET, &path, NOTHING).await
    }

    /// `POST /v1/apps/APP/environments/ENV/jobs/JOB/run`: starts a run now, and waits for its end.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn run_job(
        &mut self,
        app: &Name,
        environment: &Name,
        job: &Name,
        each: impl FnMut(JobRun) -> bool,
    ) -> Result<(), ClientError> {
        let path = format!("/v1/apps/{app}/environments/{environment}/jobs/{job}/run");
        self.lines(Method::POST, &path, NOTHING, each).await
    }

    /// `POST /v1/apps/APP/environments/ENV/run`.
    ///
    /// # Errors
    /// See [`Self::node`].
    pub async fn run(
        &mut self,
        app: &Name,
        environment: &Name,
        request: &RunRequest,
        each: impl FnMut(RunEvent) -> bool,
    ) -> Result<(), ClientError> {
        self.lines(Method::POST, &format!("/v1/apps/{app}/environments/{environment}/run"), Some(request), each).await
    }
}
