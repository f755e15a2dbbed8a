//! `seaworthy node webhook`: how a webhook of the app's repository wakes the node.

use crate::context::Context;
use crate::exit::Ending;

pub(super) async fn run(context: &Context, reveal: bool) -> Ending {
    let app = context.app()?;
    let info = context.reader(None).await?.webhook(&app, reveal).await?;
    let output = context.output;
    if output.json {
        output.value(&info);
        return Ok(());
    }
    match &info.url {
        Some(url) => output.data(url),
        None => output.note(
            "this node takes no webhooks: start it with `SEAWORTHY_WEBHOOK_PORT`\nhelp: without, it looks at every \
             branch once a minute",
        ),
    }
    output.data(&format!("secret in {}", info.secret_file));
    if let Some(secret) = &info.secret {
        output.data(secret);
    }
    if info.url.is_some() {
        output.note(
            "help: give it to GitHub, Gitea or Forgejo as the webhook's `secret`, which they sign with; to GitLab as its \
             `secret token`, which it sends: over https alone",
        );
    }
    Ok(())
}
