//! One-off commands beside the running instances.

use super::command::Command;
use super::engine::{Engine, new_token};
use super::instance_logs::LogLine;
use super::{networks, stop};
use crate::logs::Follower;
use crate::wire::Exit;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::pool::PoolSpec;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// How often new lines are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Lines that may wait for whoever reads them; then the log waits on the disk.
const LINES_WAITING: usize = 1024;

/// Between the id of a service's pool and what tells one of its commands from others.
const RUN: &str = "-run-";

/// A command that was started. Dropping it ends the command.
#[derive(Debug)]
pub struct Run {
    /// The id under which its log is kept.
    pub id: String,
    output: mpsc::Receiver<RunOutput>,
}

/// What comes of a command.
#[derive(Debug, Clone)]
pub enum RunOutput {
    /// A line that it wrote.
    Line(LogLine),
    /// It ended; nothing more comes.
    Exit(Exit),
    /// Nobody knows how it ended; nothing more comes.
    Failed(Diagnostic),
}

impl Run {
    /// What comes next; `None` after the end.
    pub async fn next(&mut self) -> Option<RunOutput> {
        self.output.recv().await
    }
}

pub(super) async fn run(engine: &Arc<Engine>, spec: &PoolSpec, words: &[String]) -> Result<Run, Diagnostic> {
    let id = format!("{}{RUN}{}", spec.id, &new_token()[..8]);
    Command { id: id.clone(), spec, run: words, deployment: None }.start(engine).await?;
    let (sender, output) = mpsc::channel(LINES_WAITING);
    tokio::spawn(accompany(Arc::clone(engine), spec.clone(), words.to_vec(), id.clone(), sender));
    Ok(Run { id, output })
}

/// Forgets the commands of a node that is gone: whoever listened to them listened to that node. They are orphans now.
pub(super) fn forget_all(engine: &Engine) -> Result<(), Diagnostic> {
    for record in engine.database.commands()? {
        if record.id.strip_prefix(&record.pool.0).is_some_and(|rest| rest.starts_with(RUN)) {
            engine.database.forget_command(&record.id)?;
        }
    }
    Ok(())
}

/// Passes its lines on, then its end; ends it when nobody listens any more.
async fn accompany(
    engine: Arc<Engine>,
    spec: PoolSpec,
    words: Vec<String>,
    id: String,
    sender: mpsc::Sender<RunOutput>,
) {
    let command = Command { id: id.clone(), spec: &spec, run: &words, deployment: None };
    let mut follower = Follower::at_start(&engine.log(&spec, &id), engine.options.log_limits.files);
    let end = command.wait(&engine);
    tokio::pin!(end);
    let result = loop {
        let ended = tokio::time::timeout(LOOK_EVERY, &mut end).await;
        if !pass_on(&mut follower, &spec, &id, &sender).await {
            let _ = stop::end(&engine.folders.instance(&id), spec.tuning.grace).await;
            let _ = engine.database.forget_command(&id);
            networks::remove_command(&engine, &id);
            return;
        }
        if let Ok(result) = ended {
            break result;
        }
    };
    let _ = engine.database.forget_command(&id);
    let last = result.map_or_else(RunOutput::Failed, RunOutput::Exit);
    let _ = sender.send(last).await;
}

/// False when nobody listens any more.
async fn pass_on(follower: &mut Follower, spec: &PoolSpec, id: &str, sender: &mpsc::Sender<RunOutput>) -> bool {
    loop {
        let entries = follower.read().unwrap_or_default();
        if entries.is_empty() {
            return !sender.is_closed();
        }
        for entry in entries {
            let line = LogLine::new(spec.service.clone(), id, entry);
            if sender.send(RunOutput::Line(line)).await.is_err() {
                return false;
            }
        }
    }
}
