//! Going on after the node, or the whole machine, came back.

use crate::Node;
use seaworthy_deploy::Plan;
use seaworthy_deploy::control::control;
use seaworthy_deploy::journal::Entry;
use seaworthy_deploy::reconcile::{Intended, UnderWay};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::deployment::Revision;
use seaworthy_store::Environment;
use std::sync::Arc;
use tokio::sync::watch;

impl Node {
    /// Brings every environment back to what it was meant to run; deployments under way go on in the background.
    pub(crate) async fn bring_back(self: &Arc<Self>) -> Vec<Diagnostic> {
        let environments = match self.store.environments() {
            Ok(environments) => environments,
            Err(error) => return vec![error.into()],
        };
        let mut failures = Vec::new();
        for environment in environments {
            match self.intended(&environment) {
                Ok(intended) => self.go_on(intended),
                Err(error) => failures.push(error),
            }
        }
        failures
    }

    fn intended(&self, environment: &Environment) -> Result<Intended, Diagnostic> {
        let (app, name) = (&environment.app, &environment.environment);
        let running: Option<Revision> = match environment.running {
            Some(number) => self.store.revision(app, name, number)?,
            None => None,
        };
        let under_way = match self.store.deployment_under_way(app, name)? {
            Some(deployment) => {
                let plan = self.store.deployment_plan(deployment.id)?.unwrap_or_default();
                let plan: Plan = serde_json::from_value(plan).map_err(|e| {
                    Diagnostic::machine(format!("the plan of deployment {} is damaged: {e}", deployment.id))
                })?;
                let entries: Vec<Entry> = self.store.journal(deployment.id)?;
                Some(UnderWay { deployment: deployment.id, plan, entries })
            }
            None => None,
        };
        Ok(Intended { app: app.clone(), environment: name.clone(), running, under_way })
    }

    fn go_on(self: &Arc<Self>, intended: Intended) {
        let (controller, control) = control();
        let (tell, ended) = watch::channel(false);
        let place = (intended.app.clone(), intended.environment.clone());
        let id = intended.under_way.as_ref().map_or(super::BRINGING_BACK, |under_way| under_way.deployment);
        let node = Arc::clone(self);
        let task_place = place.clone();

        let task = tokio::spawn(async move {
            let reconciled = node.executor().reconcile(&intended, control).await;
            for failure in reconciled.failures {
                crate::supervise::complain(&failure);
            }
            node.after(&task_place, id);
            tell.send_replace(true);
        });
        self.deployments.add(place, id, controller, ended, task.abort_handle());
    }
}
