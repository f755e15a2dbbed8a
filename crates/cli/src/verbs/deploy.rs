//! `seaworthy deploy` and `seaworthy up`.

use crate::arguments::DeployArguments;
use crate::build::{What, blobs, run as build};
use crate::context::Context;
use crate::exit::{Ended, Ending};
use crate::follow::follow;
use crate::on_node::{self, builder};
use crate::output::style;
use crate::send::send;
use crate::terminal::Asked;
use seaworthy_api::wire::{DeploymentRequest, DeploymentStarted, Intent};
use seaworthy_api::{Client, ClientError};
use seaworthy_diagnostics::Diagnostic;
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
            context.reader(Some(environment)).await?.status(Some(&app), Some(environment)).await?
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

async fn deploy(context: &Context, arguments: &DeployArguments) -> Result<(Client, Name), Ended> {
    let environment = &arguments.environment;
    let (mut client, app, request, mut asked) = prepare(context, arguments, Purpose::Change).await?;
    let unknown = format!("stopped while it began\nhelp: `seaworthy status {environment}` says whether it has");
    let beginning = async { Ok(client.deploy(&app, environment, &request).await?) };
    let started = asked.or(context.output, &unknown, beginning).await?;
    announce(context, environment, &started);
    follow(context, &mut client, environment, &started, arguments.wait).await?;
    Ok((client, app))
}

/// What a release is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is deployed.
    Change,
    /// Somebody wants to know what would come of it: a node that was stopped stays so.
    Read,
}

/// Builds and sends what the arguments ask for; shared with `plan`, which then asks instead of acting. Whatever is done
/// from then on listens with the last of what it returns: the build has kept the signals from ending this program.
pub(super) async fn prepare(
    context: &Context,
    arguments: &DeployArguments,
    purpose: Purpose,
) -> Result<(Client, Name, DeploymentRequest, Asked), Ended> {
    // What is wrong with the file in front of the user, or with the words, comes first.
    let app = context.manifest()?.app;
    let environment = &arguments.environment;
    context.check_declared(environment)?;
    if purpose == Purpose::Read {
        context.reader(Some(environment)).await?;
    }
    let listen = || Asked::listen().map_err(|e| Ended::failed(Diagnostic::machine(e.to_string())));
    let (client, release, asked) = match builder(context, environment, arguments.build_on_node).await? {
        Some(client) => {
            let (client, release) = on_node::build(context, client, environment).await?;
            (client, release, listen()?)
        }
        None => {
            let mut asked = listen()?;
            let development = environment.as_str() == "dev";
            let built = build(context, What::new(!development)).await?;
            let sending = async {
                let mut client = match purpose {
                    Purpose::Change => context.client(Some(environment)).await?,
                    Purpose::Read => context.reader(Some(environment)).await?,
                };
                let release = send(context, &mut client, &blobs()?, &built.bundle).await?;
                Ok((client, release))
            };
            let (client, release) = asked.or(context.output, "stopped: nothing is deployed", sending).await?;
            (client, release, asked)
        }
    };
    let intent = Intent::Deploy { release, only: arguments.only.clone(), take_over: arguments.take_over };
    Ok((client, app, DeploymentRequest { intent, claim: claim() }, asked))
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
