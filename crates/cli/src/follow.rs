//! Showing a deployment while it goes on.

use crate::arguments::Wait;
use crate::context::Context;
use crate::exit::{Ended, Ending};
use crate::output::{Output, style};
use crate::terminal::asked_to_end;
use indicatif::{ProgressBar, ProgressStyle};
use seaworthy_api::wire::{DeploymentStarted, ProgressEvent};
use seaworthy_api::{Client, ClientError};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::Name;
use seaworthy_model::deployment::Outcome;
use std::time::Duration;

/// How often a lost connection is opened again before the user is told to look later.
const RECONNECTS_MAX: u32 = 10;

/// Follows a deployment as far as `wait` says. Ctrl-C leaves it running.
pub(crate) async fn follow(
    context: &Context,
    client: &mut Client,
    environment: &Name,
    started: &DeploymentStarted,
    wait: Wait,
) -> Ending {
    let Some(id) = started.deployment else { return Ok(()) };
    if wait == Wait::None {
        if !context.output.json {
            context.output.note(&format!("deployment {id} is under way: `seaworthy status {environment} --follow`"));
        }
        return Ok(());
    }
    let mut view = View::new(context.output);
    tokio::select! {
        ended = watch(context, environment, client, id, wait, &mut view) => {
            drop(view);
            ended.map_err(|ended| lost(ended, id, environment))
        }
        _ = asked_to_end() => {
            drop(view);
            context.output.note(&format!(
                "deployment {id} goes on without you\nhelp: `seaworthy status {environment} --follow` follows it, \
                 `seaworthy rollback {environment}` stops it"
            ));
            Err(Ended::Code(130))
        }
    }
}

/// Why a deployment is not followed any more; the deployment itself has not ended because of it.
enum Stopped {
    Ended(Ended),
    Lost(ClientError),
}

fn lost(stopped: Stopped, id: u64, environment: &Name) -> Ended {
    match stopped {
        Stopped::Ended(ended) => ended,
        Stopped::Lost(error) => Ended::failed(
            Diagnostic::machine(format!("deployment {id} cannot be followed any more: {error}"))
                .help(format!("it goes on without you: `seaworthy status {environment} --follow` finds it again"))
                .later(),
        ),
    }
}

async fn watch(
    context: &Context,
    environment: &Name,
    client: &mut Client,
    id: u64,
    wait: Wait,
    view: &mut View,
) -> Result<(), Stopped> {
    let mut after = 0;
    let mut lost = 0;
    loop {
        let mut verdict = None;
        let call = client.events(id, after, |event| {
            after = event.sequence;
            lost = 0;
            view.show(&event);
            verdict = judge(&event, wait);
            verdict.is_none()
        });
        let result = call.await;
        if let Some(ending) = verdict {
            return ending.map_err(Stopped::Ended);
        }
        match result {
            // The stream ended without an outcome, or broke: the node may have been restarted. Ask again.
            Ok(()) | Err(ClientError::Lost(_) | ClientError::Unreachable { .. }) if lost < RECONNECTS_MAX => {
                lost += 1;
                tokio::time::sleep(Duration::from_millis(200 * u64::from(lost))).await;
                context.connect_again(client, environment).await.map_err(Stopped::Ended)?;
            }
            Ok(()) => return Err(Stopped::Lost(ClientError::Lost("it ended without an outcome".to_owned()))),
            Err(error @ (ClientError::Lost(_) | ClientError::Unreachable { .. })) => return Err(Stopped::Lost(error)),
            Err(error) => return Err(Stopped::Ended(error.into())),
        }
    }
}

/// What an event means for who waits; `None`: wait on.
fn judge(event: &ProgressEvent, wait: Wait) -> Option<Ending> {
    match event.outcome? {
        Outcome::Running => None,
        Outcome::Baking => (wait == Wait::Shift).then_some(Ok(())),
        Outcome::Succeeded => Some(Ok(())),
        Outcome::Failed | Outcome::Returned | Outcome::Cancelled => {
            let failure = event.failure.clone();
            Some(Err(Ended::failed(failure.unwrap_or_else(|| Diagnostic::user(event.text.clone())))))
        }
    }
}

/// Lines in a pipe; on a terminal, the running step turns below them.
struct View {
    output: Output,
    bar: Option<ProgressBar>,
}

impl View {
    fn new(output: Output) -> Self {
        let bar = output.is_live().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(ProgressStyle::default_spinner());
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Self { output, bar }
    }

    fn show(&mut self, event: &ProgressEvent) {
        if self.output.json {
            self.output.value(event);
            return;
        }
        let mark = match event.outcome {
            Some(Outcome::Baking | Outcome::Succeeded) => style::GOOD,
            Some(Outcome::Failed | Outcome::Returned | Outcome::Cancelled) => style::BAD,
            Some(Outcome::Running) | None => style::DIM,
        };
        let output = self.output;
        let line = || output.note(&format!("{mark}   deploy{mark:#} {}", event.text));
        match &self.bar {
            None => line(),
            Some(bar) => {
                bar.suspend(line);
                bar.set_message(event.text.clone());
            }
        }
    }
}

/// However it ends: what is printed next stands on a line of its own.
impl Drop for View {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
