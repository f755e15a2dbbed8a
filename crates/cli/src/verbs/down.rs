//! `seaworthy down ENV`: stop an environment. Its volumes stay.

use super::deploy::{announce, claim};
use crate::arguments::{EnvironmentArgument, Wait};
use crate::context::Context;
use crate::exit::Ending;
use crate::follow::follow;
use seaworthy_api::wire::{DeploymentRequest, Intent};

pub(super) async fn run(context: &Context, arguments: &EnvironmentArgument) -> Ending {
    let app = context.app()?;
    let environment = &arguments.environment;
    let mut client = context.client(Some(environment)).await?;
    context.check_known(&mut client, &app, environment).await?;
    let request = DeploymentRequest { intent: Intent::Down, claim: claim() };
    let started = client.deploy(&app, environment, &request).await?;
    announce(context, environment, &started);
    follow(context, &mut client, environment, &started, Wait::Bake).await
}
