//! `seaworthy rollback ENV`: to the last good revision; a deployment that is under way is stopped instead.

use super::deploy::{announce, claim};
use crate::arguments::RollbackArguments;
use crate::context::Context;
use crate::exit::Ending;
use crate::follow::follow;
use seaworthy_api::wire::{DeploymentRequest, Intent};
use seaworthy_model::deployment::Outcome;

pub(super) async fn run(context: &Context, arguments: &RollbackArguments) -> Ending {
    let app = context.app()?;
    let environment = &arguments.environment;
    let mut client = context.client(Some(environment)).await?;
    context.check_known(&mut client, &app, environment).await?;
    let status = client.status(Some(&app), Some(environment)).await?;
    let under_way = status.environments.first().and_then(|e| e.deployment.as_ref());
    if let Some(deployment) = under_way.filter(|d| d.outcome == Outcome::Running && arguments.to.is_none()) {
        client.stop_deployment(deployment.id).await?;
        match context.output.json {
            true => context.output.value(&serde_json::json!({ "stopped": deployment.id })),
            false => context.output.note(&format!("deployment {} stops: what ran before serves", deployment.id)),
        }
        return Ok(());
    }
    let request = DeploymentRequest { intent: Intent::Rollback { to: arguments.to }, claim: claim() };
    let started = client.deploy(&app, environment, &request).await?;
    announce(context, environment, &started);
    follow(context, &mut client, environment, &started, arguments.wait).await
}
