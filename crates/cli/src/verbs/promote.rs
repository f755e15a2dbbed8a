//! `seaworthy promote FROM TO`: the very digests that FROM runs, with TO's values.

use super::deploy::{announce, claim};
use crate::arguments::PromoteArguments;
use crate::context::Context;
use crate::exit::Ending;
use crate::follow::follow;
use seaworthy_api::wire::{DeploymentRequest, Intent};

pub(super) async fn run(context: &Context, arguments: &PromoteArguments) -> Ending {
    let app = context.app()?;
    context.check_same_node(&arguments.from, &arguments.to)?;
    let mut client = context.client(Some(&arguments.to)).await?;
    context.check_known(&mut client, &app, &arguments.from).await?;
    let request = DeploymentRequest { intent: Intent::Promote { from: arguments.from.clone() }, claim: claim() };
    let started = client.deploy(&app, &arguments.to, &request).await?;
    announce(context, &arguments.to, &started);
    follow(context, &mut client, &arguments.to, &started, arguments.wait).await
}
