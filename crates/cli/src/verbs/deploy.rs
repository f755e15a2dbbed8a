//! `seaworthy deploy` and `seaworthy up`.

use crate::arguments::DeployArguments;
use crate::build::{What, blobs, run as build};
use crate::context::Context;
use crate::exit::Ending;
use crate::follow::follow;
use crate::on_node::{self, builder};
use crate::output::style;
use crate::send::send;
use seaworthy_api::wire::{DeploymentRequest, DeploymentStarted, Intent};
use seaworthy_api::{Client, ClientError};
use seaworthy_model::Name;

pub(super) async fn run(context: &Context, arguments: &DeployArguments) -> Ending {
    deploy(context, arguments).await.map(drop)
}

pub(super) async fn up(context: &Context, arguments: &DeployArguments) -> Ending {
    let (mut client, app) = deploy(context, arguments).await?;
    let environment = &arguments.environment;
    let status = match client.status(Some(&app), Some(environment)).await {
        // The deployment is done, whatever became of the node meanwhile: its successor tells as well.
        Err(ClientError::Lost(_) | ClientError::Unreachable { .. }) => {
            context.client(Some(environment)).await?.status(Some(&app), Some(environment)).await?
        }
        other => other?,
    };
    if context.output.json {
        context.output.value(&status);
        return Ok(());
    }
    let good = style::GOOD;
    context.output.note(&format!("{good}       up{good:#} {app} in {environment}"));
    for route in status.environments.iter().flat_map(|e| &e.routes) {
        context.output.data(&route.url);
    }
    Ok(())
}

async fn deploy(context: &Context, arguments: &DeployArguments) -> Result<(Client, Name), crate::exit::Ended> {
    let environment = &arguments.environment;
    let (mut client, app, request) = prepare(context, arguments).await?;
    let started = client.deploy(&app, environment, &request).await?;
    announce(context, environment, &started);
    follow(context, &mut client, environment, &started, arguments.wait).await?;
    Ok((client, app))
}

/// Builds and sends what the arguments ask for; shared with `plan`, which then asks instead of acting.
pub(super) async fn prepare(
    context: &Context,
    arguments: &DeployArguments,
) -> Result<(Client, Name, DeploymentRequest), crate::exit::Ended> {
    // What is wrong with the file in front of the user comes first.
    let app = context.manifest()?.app;
    let environment = &arguments.environment;
    let (client, release) = match builder(context, environment, arguments.build_on_node).await? {
        Some(client) => on_node::build(context, client, environment).await?,
        None => {
            let development = environment.as_str() == "dev";
            let built = build(context, What::new(!development)).await?;
            let mut client = context.client(Some(environment)).await?;
            let release = send(context, &mut client, &blobs()?, &built.bundle).await?;
            (client, release)
        }
    };
    let intent = Intent::Deploy { release, only: arguments.only.clone(), take_over: arguments.take_over };
    Ok((client, app, DeploymentRequest { intent, claim: claim() }))
}

/// The name of whoever typed the verb, as their machine knows it.
pub(super) fn claim() -> Option<String> {
    seaworthy_host::peer::user_name(seaworthy_host::peer::effective_uid())
}

/// Says what is about to happen.
pub(super) fn announce(context: &Context, environment: &Name, started: &DeploymentStarted) {
    let output = context.output;
    if output.json {
        output.value(started);
        return;
    }
    for note in &started.plan.notes {
        output.warning(note);
    }
    if let Some(follows) = &started.follows {
        output.note(&format!("{environment} {follows}"));
    }
    match started.deployment {
        None if started.plan.to_release.is_none() => {
            output.note(&format!("nothing of {} runs in {environment}: nothing to do", started.plan.app));
        }
        None => output.note(&format!("{environment} runs this already: nothing to do")),
        Some(id) => {
            for change in &started.plan.changes {
                output.note(&format!("  {change}"));
            }
            output.note(&format!("deployment {id} of {} to {environment}", started.plan.app));
        }
    }
}
