//! Running a release's checks: before any user reaches it, and again while it bakes.

use crate::traffic::GatewayTraffic;
use seaworthy_checks::wire::{CheckFile, Connect};
use seaworthy_checks::{CheckResult, RunRequest, Runner};
use seaworthy_deploy::Smoke;
use seaworthy_deploy::step::{SmokeCheck, Subject};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::Revision;
use seaworthy_model::release::RouteTo;
use seaworthy_store::blobs::Blobs;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long one request of a check may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How long all checks of a deployment may take.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(300);

/// Runs checks by the helper, through the gateway.
pub(crate) struct Checks {
    /// The gateway.
    pub traffic: Arc<GatewayTraffic>,
    /// Where the checks' texts are.
    pub blobs: Blobs,
    /// Who they run as.
    pub user: Option<(u32, u32)>,
    /// False: no deployment runs any. Where everything is thrown away, whoever asked runs those that belong there.
    pub in_deployments: bool,
}

impl Smoke for Checks {
    async fn run(
        &self,
        _deployment: u64,
        revision: &Revision,
        checks: &[SmokeCheck],
    ) -> Result<Vec<String>, Diagnostic> {
        if checks.is_empty() || !self.in_deployments {
            return Ok(Vec::new());
        }
        let socket = self.traffic.pinned_socket(&revision.app, &revision.environment);
        let results = self.results(revision, checks, &Connect::Unix(socket.display().to_string())).await?;
        match results.iter().find(|result| !result.passed()) {
            None => {
                Ok(results.iter().map(|r| format!("{}: passed in {} ms", r.name, r.duration.as_millis())).collect())
            }
            Some(failed) => Err(why(failed)),
        }
    }

    async fn repeat(
        &self,
        revision: &Revision,
        checks: &[SmokeCheck],
    ) -> Result<BTreeMap<String, Diagnostic>, Diagnostic> {
        let Some(address) = self.traffic.public_address() else { return Ok(BTreeMap::new()) };
        let results = self.results(revision, checks, &Connect::Tcp(address.to_string())).await?;
        let failed = results.iter().filter(|result| !result.passed());
        Ok(failed.map(|result| (result.name.clone(), why(result))).collect())
    }
}

fn why(failed: &CheckResult) -> Diagnostic {
    let first = failed.diagnostics().into_iter().next();
    first.unwrap_or_else(|| Diagnostic::service(format!("the check `{}` did not pass", failed.name)))
}

impl Checks {
    /// Runs checks; `routes` is where those of routes connect.
    pub(crate) async fn results(
        &self,
        revision: &Revision,
        checks: &[SmokeCheck],
        routes: &Connect,
    ) -> Result<Vec<CheckResult>, Diagnostic> {
        let runner = Runner::locate().map_err(|e| e.to_diagnostic())?;
        let mut files = Vec::new();
        for check in checks {
            files.push(self.file(revision, check, routes).await?);
        }
        let request = RunRequest {
            files,
            connect: None,
            user: self.user,
            timeout: REQUEST_TIMEOUT,
            total_timeout: TOTAL_TIMEOUT,
        };
        runner.run(request).await.map_err(|e| e.to_diagnostic())
    }

    async fn file(&self, revision: &Revision, check: &SmokeCheck, routes: &Connect) -> Result<CheckFile, Diagnostic> {
        let text = self.blobs.read(&check.check.digest)?;
        let text = String::from_utf8(text)
            .map_err(|_| Diagnostic::user(format!("the check `{}` is not UTF-8", check.check.file)))?;
        let (url, connect) = self.place(revision, &check.subject, routes).await?;
        let variables = BTreeMap::from([
            ("url".to_owned(), url),
            ("environment".to_owned(), revision.environment.to_string()),
            ("release".to_owned(), revision.release.short().to_owned()),
        ]);
        // Two services may have a check of the same name; answers are told apart by it.
        let name = match &check.subject {
            Subject::Route { .. } => check.check.file.clone(),
            Subject::Service { service, .. } if check.check.file.contains(service.as_str()) => check.check.file.clone(),
            Subject::Service { service, .. } => format!("{service}: {}", check.check.file),
        };
        Ok(CheckFile { name, text, variables, connect: Some(connect) })
    }

    /// What `{{url}}` is, and where its connections go: a route's to `routes`; those of a service without a route of
    /// its own to a socket of its own, as the caller `check`.
    async fn place(
        &self,
        revision: &Revision,
        subject: &Subject,
        routes: &Connect,
    ) -> Result<(String, Connect), Diagnostic> {
        match subject {
            Subject::Route { host, path, .. } => Ok((url(host, path), routes.clone())),
            Subject::Service { service, .. } => {
                let own = revision.routes.values().find(|r| matches!(&r.to, RouteTo::Service(to) if to == service));
                if let Some(route) = own {
                    return Ok((url(&route.host, &route.path), routes.clone()));
                }
                let Some(pool) = revision.pools.get(service) else {
                    return Err(Diagnostic::user(format!("there is no service `{service}` to check")));
                };
                let socket = self.traffic.check_socket(pool).await?;
                Ok((format!("http://{service}"), Connect::Unix(socket.display().to_string())))
            }
        }
    }
}

fn url(host: &str, path: &str) -> String {
    format!("http://{host}{}", path.trim_end_matches('/'))
}
