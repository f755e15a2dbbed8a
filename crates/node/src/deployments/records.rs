//! Deployments as the API shows them.

use crate::Node;
use crate::failure::Failures;
use seaworthy_api::wire::DeploymentRecord;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::difference::difference;
use seaworthy_store::Deployment;

impl Node {
    /// One deployment.
    pub(crate) fn deployment(&self, id: u64) -> Result<DeploymentRecord, Diagnostic> {
        let found = self.store.deployment(id)?;
        let missing =
            || Diagnostic::user(format!("there is no deployment {id} here")).help("`seaworthy history` lists them");
        self.record(found.ok_or_else(missing)?)
    }

    /// The last deployments of an app, newest first.
    pub(crate) fn history(
        &self,
        app: &Name,
        environment: Option<&Name>,
        limit: usize,
    ) -> Result<Vec<DeploymentRecord>, Diagnostic> {
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let mut found = Vec::new();
        for place in self.store.environments()?.into_iter().filter(|e| e.app == *app) {
            if environment.is_none_or(|name| *name == place.environment) {
                found.extend(self.store.deployments(app, &place.environment, limit)?);
            }
        }
        found.sort_by_key(|deployment| std::cmp::Reverse(deployment.id));
        found.truncate(limit as usize);
        found.into_iter().map(|deployment| self.record(deployment)).collect()
    }

    /// What differs between what two environments run.
    pub(crate) fn difference(&self, app: &Name, a: &Name, b: &Name) -> Result<Vec<String>, Failures> {
        let left = self.running(app, a)?;
        let Some(right) = self.running(app, b)? else {
            let error = Diagnostic::user(format!("nothing of `{app}` runs in `{b}`"));
            return Err(error.help("`seaworthy status` shows what runs").into());
        };
        Ok(difference(left.as_ref(), &right).lines())
    }

    pub(crate) fn record(&self, deployment: Deployment) -> Result<DeploymentRecord, Diagnostic> {
        let revision = match deployment.to {
            Some(number) => self.store.revision(&deployment.app, &deployment.environment, number)?,
            None => None,
        };
        Ok(DeploymentRecord {
            id: deployment.id,
            app: deployment.app,
            environment: deployment.environment,
            verb: deployment.verb,
            actor: deployment.actor,
            from: deployment.from,
            to: deployment.to,
            release: revision.as_ref().map(|revision| revision.release.clone()),
            commit: revision.and_then(|revision| revision.provenance.commit),
            started_at: deployment.started_at,
            ended_at: deployment.ended_at,
            outcome: deployment.outcome,
            failure: deployment.failure,
        })
    }
}
