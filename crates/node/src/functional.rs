//! Functional checks: all that a release can be asked, where nothing else depends on the answer.

use crate::Node;
use crate::failure::Failures;
use crate::logs::never_deployed;
use crate::smoke::Checks;
use seaworthy_api::wire::FunctionalCheck;
use seaworthy_checks::CheckResult;
use seaworthy_checks::wire::Connect;
use seaworthy_deploy::step::{SmokeCheck, Subject};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;
use seaworthy_model::release::Stage;
use std::sync::Arc;

impl Node {
    /// What runs checks here.
    pub(crate) fn checks(&self) -> Checks {
        Checks {
            traffic: Arc::clone(&self.traffic),
            blobs: self.blobs.clone(),
            user: self.traffic.checks_user(),
            in_deployments: !self.options.throwaway,
        }
    }

    /// Runs the functional checks of what serves in an environment.
    pub(crate) async fn functional(&self, app: &Name, environment: &Name) -> Result<Vec<FunctionalCheck>, Failures> {
        if !self.options.throwaway {
            // They may change whatever they like: nobody wants to pay production's invoices.
            let error = Diagnostic::user("functional checks run where everything is thrown away, and not on this node");
            return Err(error.help("`seaworthy check` runs them on a node of its own").into());
        }
        let revision = self.running(app, environment)?.ok_or_else(|| never_deployed(app, environment))?;
        let address = self.traffic.public_address();
        let address = address.ok_or_else(|| Diagnostic::machine("the gateway listens nowhere"))?;
        let checks = functional_checks(&revision);
        let results = self.checks().results(&revision, &checks, &Connect::Tcp(address.to_string())).await?;
        Ok(checks.iter().zip(results).map(|(check, result)| report(check, result)).collect())
    }
}

fn report(check: &SmokeCheck, result: CheckResult) -> FunctionalCheck {
    FunctionalCheck {
        errors: result.diagnostics(),
        took_ms: u64::try_from(result.duration.as_millis()).unwrap_or(u64::MAX),
        name: result.name,
        file: check.check.file.clone(),
        service: match &check.subject {
            Subject::Service { service, .. } => Some(service.clone()),
            Subject::Route { .. } => None,
        },
    }
}

/// The functional checks of a revision: those of services, then those of routes.
fn functional_checks(revision: &Revision) -> Vec<SmokeCheck> {
    let mut all = Vec::new();
    for (service, checks) in &revision.checks {
        let Some(pool) = revision.pools.get(service) else { continue };
        let subject = Subject::Service { service: service.clone(), pool: pool.id.clone() };
        all.extend(checks.iter().map(|check| SmokeCheck { subject: subject.clone(), check: check.clone() }));
    }
    for (route, spec) in &revision.routes {
        let subject = Subject::Route { route: route.clone(), host: spec.host.clone(), path: spec.path.clone() };
        all.extend(spec.checks.iter().map(|check| SmokeCheck { subject: subject.clone(), check: check.clone() }));
    }
    all.retain(|check| check.check.runs_in(Stage::Functional));
    all
}
