//! Logs, on their way from the engine to whoever asked.

use crate::Node;
use seaworthy_api::wire::LogLine;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::LogSelection;
use seaworthy_host::clock;
use seaworthy_model::Name;
use tokio::sync::mpsc;

impl Node {
    /// Sends the last lines of an environment's logs, and with `follow` those that come after them.
    pub(crate) fn logs(
        &self,
        app: &Name,
        environment: &Name,
        service: Option<&Name>,
        lines: usize,
        follow: bool,
        sender: mpsc::Sender<LogLine>,
    ) -> Result<(), Diagnostic> {
        if self.store.environment(app, environment)?.is_none() {
            return Err(never_deployed(app, environment));
        }
        if let Some(service) = service {
            self.check_service(app, environment, service)?;
        }
        let selection = LogSelection {
            app: app.clone(),
            environment: environment.clone(),
            service: service.cloned(),
            instance: None,
        };
        if !follow {
            let last = self.engine.logs(&selection, lines)?;
            tokio::spawn(async move { send(last, &sender).await });
            return Ok(());
        }
        let (last, mut follower) = self.engine.follow_logs(selection, lines)?;
        tokio::spawn(async move {
            let mut next = last;
            while send(next, &sender).await {
                tokio::select! {
                    lines = follower.next() => match lines {
                        Ok(lines) => next = lines,
                        Err(_) => return,
                    },
                    () = sender.closed() => return,
                }
            }
        });
        Ok(())
    }
}

impl Node {
    /// A service that runs, or that has left a log: one of an earlier revision may be asked for, too.
    fn check_service(&self, app: &Name, environment: &Name, service: &Name) -> Result<(), Diagnostic> {
        let running = self.store.environment(app, environment)?.and_then(|place| place.running);
        let revision = match running {
            Some(number) => self.store.revision(app, environment, number)?,
            None => None,
        };
        let known: Vec<&Name> = revision.iter().flat_map(|revision| revision.pools.keys()).collect();
        let selection = LogSelection {
            app: app.clone(),
            environment: environment.clone(),
            service: Some(service.clone()),
            instance: None,
        };
        if known.contains(&service) || !self.engine.logs(&selection, 1)?.is_empty() {
            return Ok(());
        }
        let known: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
        let error = Diagnostic::user(format!("`{app}` has no service `{service}` in `{environment}`"));
        Err(if known.is_empty() { error } else { error.help(format!("it has {}", known.join(", "))) })
    }
}

/// Nothing can be shown of what never was.
pub(crate) fn never_deployed(app: &Name, environment: &Name) -> Diagnostic {
    Diagnostic::user(format!("`{app}` was never deployed to `{environment}` here"))
        .help("`seaworthy status` shows what runs")
}

/// False when nobody reads any more.
async fn send(lines: Vec<seaworthy_engine::LogLine>, sender: &mpsc::Sender<LogLine>) -> bool {
    for line in lines {
        if sender.send(shown(line)).await.is_err() {
            return false;
        }
    }
    true
}

/// A line as the API shows it.
pub(crate) fn shown(line: seaworthy_engine::LogLine) -> LogLine {
    LogLine {
        at: clock::rfc3339(line.time),
        service: line.service,
        instance: line.instance,
        stream: line.stream.as_str().to_owned(),
        text: line.text,
    }
}
