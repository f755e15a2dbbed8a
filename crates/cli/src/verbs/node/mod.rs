//! `seaworthy node …`.

mod connect;
mod install;
mod remote;
mod unit;
mod webhook;

use crate::arguments::NodeVerb;
use crate::context::Context;
use crate::exit::{Ended, Ending};
use crate::output::style;
use seaworthy_api::{Client, Transport};
use seaworthy_diagnostics::Diagnostic;
use std::time::Duration;
use tokio::time::Instant;

/// How long a node that has said yes may take to be gone.
const STOP_TIME_MAX: Duration = Duration::from_secs(10);

pub(super) async fn run(context: &Context, verb: NodeVerb) -> Ending {
    match verb {
        NodeVerb::Start => start(context).await,
        NodeVerb::Stop { all } => stop(context, all).await,
        NodeVerb::Status => status(context).await,
        NodeVerb::Webhook(arguments) => webhook::run(context, arguments.reveal).await,
        NodeVerb::Install(arguments) => match &arguments.on {
            Some(url) => remote::install(context, url, &arguments).await,
            None => install::run(context, &arguments),
        },
        NodeVerb::Connect => connect::run().await,
        // `node run` never comes here: it is a role, see `main`.
        NodeVerb::Run => Ok(()),
    }
}

async fn start(context: &Context) -> Ending {
    let mut client = context.client(None).await?;
    let info = client.node().await?;
    if context.output.json {
        context.output.value(&info);
        return Ok(());
    }
    let (place, addresses) = (client.transport().place(), info.addresses.join(", "));
    context.output.note(&format!("the node runs: pid {}, {place}, serving on {addresses}", info.pid));
    Ok(())
}

async fn stop(context: &Context, all: bool) -> Ending {
    let transport = context.transport(None)?;
    if !is_there(&transport).await {
        let rests = context.stopped(None).await?.is_some_and(|stopped| stopped.all);
        if !all || rests {
            match context.output.json {
                true => context.output.value(&serde_json::json!({ "stopped": false, "all": all })),
                false => context.output.note("the node does not run"),
            }
            return Ok(());
        }
        // Only a node knows what runs: gateway and instances outlive it, and somebody has to end them.
        context.client(None).await?;
    }
    Client::new(transport.clone()).stop_node(all).await?;
    // Whoever starts it next must not meet the one that is about to end.
    let until = Instant::now() + STOP_TIME_MAX;
    while matches!(transport, Transport::Unix(_)) && is_there(&transport).await && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let rest = if all { "gateway and instances too" } else { "gateway and instances go on" };
    match context.output.json {
        true => context.output.value(&serde_json::json!({ "stopped": true, "all": all })),
        false => context.output.note(&format!("the node stops; {rest}")),
    }
    Ok(())
}

async fn status(context: &Context) -> Ending {
    let transport = context.transport(None)?;
    if !is_there(&transport).await {
        if let Some(stopped) = context.stopped(None).await? {
            return Err(Ended::failed(stopped.diagnostic()));
        }
        let installed = matches!(&transport, Transport::Unix(socket) if seaworthy_node::place::is_installed(socket));
        let help =
            if installed { "`systemctl status seaworthy` says why" } else { "`seaworthy node start` starts one" };
        return Err(Ended::failed(Diagnostic::machine(format!("no node answers at {}", transport.place())).help(help)));
    }
    let mut client = context.reader(None).await?;
    let info = client.node().await?;
    if context.output.json {
        context.output.value(&info);
        return Ok(());
    }
    let (bold, output) = (style::BOLD, context.output);
    output.data(&format!("{bold}node{bold:#} {} at {}", info.version, client.transport().place()));
    output.data(&format!("  pid {} since {}, user {}", info.pid, info.started_at, info.user));
    output.data(&format!("  state {}", info.home));
    let gateway = match info.gateway_pid {
        Some(pid) => format!("pid {pid}, started again {} times", info.gateway_restarts),
        None => "does not answer".to_owned(),
    };
    output.data(&format!("  gateway {gateway}, on {}", info.addresses.join(", ")));
    if let Some(registry) = &info.registry {
        output.data(&format!("  registry {}, its token in {}", registry.address, registry.token_file));
    }
    output.data(match info.isolation.as_str() {
        "none" => "  isolation none: services are not walled off from each other",
        _ => "  isolation sandbox: a service reaches what it declares, and nothing else",
    });
    Ok(())
}

/// Whether a node answers; asking must not start one.
async fn is_there(transport: &Transport) -> bool {
    match transport {
        Transport::Unix(socket) => seaworthy_node::start::answers(socket).await,
        Transport::Ssh { .. } => true,
    }
}
