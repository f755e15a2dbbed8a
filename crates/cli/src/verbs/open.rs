//! `seaworthy open`: an environment's address, in a browser where there is one.

use crate::arguments::OpenArguments;
use crate::context::Context;
use crate::exit::{Ended, Ending};
use seaworthy_diagnostics::Diagnostic;
use std::process::Stdio;

pub(super) async fn run(context: &Context, arguments: &OpenArguments) -> Ending {
    let app = context.app()?;
    let environment = &arguments.environment;
    let mut client = context.reader(Some(environment)).await?;
    context.check_known(&mut client, &app, environment).await?;
    let status = client.status(Some(&app), Some(environment)).await?;
    let routes: Vec<_> = status.environments.iter().flat_map(|e| &e.routes).collect();
    let found = match &arguments.route {
        Some(name) => routes.iter().find(|route| route.route == *name),
        None => routes.first(),
    };
    let Some(route) = found else {
        let known: Vec<String> = routes.iter().map(|r| format!("`{}`", r.route)).collect();
        let error = match (&arguments.route, known.is_empty()) {
            (Some(name), false) => Diagnostic::user(format!("`{app}` has no route `{name}` in `{environment}`"))
                .help(format!("it has {}", known.join(", "))),
            _ => Diagnostic::user(format!("nothing of `{app}` has an address in `{environment}`"))
                .help(format!("`seaworthy up {environment}` brings it up")),
        };
        return Err(Ended::refused(error));
    };
    if context.output.json {
        context.output.value(route);
        return Ok(());
    }
    context.output.data(&route.url);
    if context.output.is_live() {
        open_browser(&route.url);
    }
    Ok(())
}

/// Tries; the address is printed in any case.
fn open_browser(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = seaworthy_host::process::command(opener);
    command.arg(url).envs(std::env::vars_os());
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.spawn();
}
