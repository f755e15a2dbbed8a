//! One-off commands beside the running instances.

use crate::Node;
use crate::failure::Failures;
use crate::logs::{never_deployed, shown};
use seaworthy_api::wire::{RunEvent, RunRequest};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::wire::ExitKind;
use seaworthy_engine::{Run, RunOutput};
use seaworthy_host::process::Signal;
use seaworthy_model::Name;
use seaworthy_model::pool::PoolSpec;
use std::sync::Arc;
use tokio::sync::mpsc;

impl Node {
    /// Runs a command in the image and with the values of a service that serves.
    pub(crate) fn run(
        self: &Arc<Self>,
        app: &Name,
        environment: &Name,
        request: &RunRequest,
        sender: mpsc::Sender<RunEvent>,
    ) -> Result<(), Failures> {
        let pool = self.serving(app, environment, &request.service)?;
        let (node, command) = (Arc::clone(self), request.command.clone());
        tokio::spawn(async move {
            match node.engine.run_once(&pool, &command).await {
                Ok(run) => pass_on(run, &sender).await,
                Err(error) => drop(sender.send(RunEvent::Failed(error)).await),
            }
        });
        Ok(())
    }

    /// The pool of a service in the revision that serves.
    pub(crate) fn serving(&self, app: &Name, environment: &Name, service: &Name) -> Result<PoolSpec, Failures> {
        let Some(revision) = self.running(app, environment)? else {
            return Err(never_deployed(app, environment).into());
        };
        revision.pools.get(service).cloned().ok_or_else(|| {
            let known: Vec<String> = revision.pools.keys().map(|service| format!("`{service}`")).collect();
            let error = Diagnostic::user(format!("`{app}` has no service `{service}` in `{environment}`"));
            error.help(format!("it has {}", known.join(", "))).into()
        })
    }
}

/// Returns when it has ended, or when nobody listens any more; then dropping it ends it.
async fn pass_on(mut run: Run, sender: &mpsc::Sender<RunEvent>) {
    loop {
        let output = tokio::select! {
            output = run.next() => output,
            () = sender.closed() => return,
        };
        let event = match output {
            None => return,
            Some(RunOutput::Line(line)) => RunEvent::Line(shown(line)),
            Some(RunOutput::Failed(error)) => RunEvent::Failed(error),
            Some(RunOutput::Exit(exit)) => RunEvent::Exit(code(&exit.how)),
        };
        if sender.send(event).await.is_err() {
            return;
        }
    }
}

/// As a shell tells it: 128 and the signal's number.
pub(crate) fn code(kind: &ExitKind) -> i32 {
    match kind {
        ExitKind::Code(code) => *code,
        ExitKind::Signal(name) => name.parse().map_or(1, |signal: Signal| 128 + signal as i32),
        ExitKind::OutOfMemory(_) => 128 + Signal::SIGKILL as i32,
        ExitKind::NotStarted(_) => 127,
    }
}
