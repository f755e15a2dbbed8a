//! Commands: programs that run once, under a shim of their own, to their end.

use super::engine::{Engine, new_token};
use super::prepare::{Start, prepare_aside};
use super::{leftovers, networks};
use crate::client::ShimClient;
use crate::database::CommandRecord;
use crate::spawn::spawn;
use crate::wire::{Exit, Mode, Want};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::lock::Lock;
use seaworthy_model::pool::PoolSpec;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// A command of a pool.
#[derive(Debug, Clone)]
pub(super) struct Command<'a> {
    /// Its id, by which a node that comes back knows it again.
    pub(super) id: String,
    /// The pool in whose image and with whose values it runs.
    pub(super) spec: &'a PoolSpec,
    /// Program and arguments.
    pub(super) run: &'a [String],
    /// The deployment that it belongs to.
    pub(super) deployment: Option<u64>,
}

/// How a command is found.
enum Found {
    /// It has ended.
    Ended(Exit),
    /// It runs.
    Runs,
    /// It was started, and nobody knows how it ended.
    Lost,
    /// It has not been started; the lock is for its shim.
    NotStarted(Lock),
}

impl Command<'_> {
    /// Starts it, unless it was started before. What is to be is written down first.
    pub(super) async fn start(&self, engine: &Arc<Engine>) -> Result<(), Diagnostic> {
        let _change = engine.change(&self.id).await;
        let record = match engine.database.command(&self.id)? {
            Some(record) => record,
            None => {
                let (id, pool, token) = (self.id.clone(), self.spec.id.clone(), new_token());
                let record = CommandRecord { id, pool, token, exit: None };
                engine.database.put_command(self.spec, self.deployment, &record)?;
                record
            }
        };
        networks::add_command(engine, self.spec, &self.id, &record.token);
        let Found::NotStarted(lock) = self.find(engine, &record)? else { return self.opened(engine).await };
        let started = self.start_shim(engine, record.token, lock).await;
        if started.is_err() {
            let folders = engine.folders.instance(&self.id);
            leftovers::end(&folders).await?;
            engine.database.forget_command(&self.id)?;
            networks::remove_command(engine, &self.id);
            folders.remove()?;
        }
        started?;
        self.opened(engine).await
    }

    /// Goes on with one that was started before; false: nothing of it is there, and it is not started again.
    pub(super) async fn resume(&self, engine: &Arc<Engine>) -> Result<bool, Diagnostic> {
        let _change = engine.change(&self.id).await;
        let Some(record) = engine.database.command(&self.id)? else { return Ok(false) };
        if let Found::NotStarted(_) = self.find(engine, &record)? {
            return Ok(false);
        }
        networks::add_command(engine, self.spec, &self.id, &record.token);
        self.opened(engine).await?;
        Ok(true)
    }

    /// Has whoever carries its calls look.
    async fn opened(&self, engine: &Engine) -> Result<(), Diagnostic> {
        match engine.calls().filter(|_| self.spec.sandbox.is_some()) {
            Some(calls) => calls.opened().await,
            None => Ok(()),
        }
    }

    async fn start_shim(&self, engine: &Arc<Engine>, token: String, lock: Lock) -> Result<(), Diagnostic> {
        let (id, run, mode) = (self.id.clone(), self.run.to_vec(), Mode::Once);
        let start = Start { id, token, run, mode, port: None, callees: engine.callees(self.spec).await? };
        let shim_spec = prepare_aside(engine, self.spec, start).await?;
        spawn(&engine.options.shim, &shim_spec, &engine.folders.instance(&self.id), lock).await
    }

    /// Waits until it has ended, and removes everything of it but its log and how it ended.
    pub(super) async fn wait(&self, engine: &Arc<Engine>) -> Result<Exit, Diagnostic> {
        let ended = self.wait_for_end(engine).await;
        networks::remove_command(engine, &self.id);
        ended
    }

    async fn wait_for_end(&self, engine: &Arc<Engine>) -> Result<Exit, Diagnostic> {
        let folders = engine.folders.instance(&self.id);
        loop {
            let Some(record) = engine.database.command(&self.id)? else {
                return Err(Diagnostic::user(format!("{} was stopped", self.name())));
            };
            match self.find(engine, &record)? {
                Found::Ended(exit) => {
                    engine.database.set_exit(&self.id, &exit)?;
                    leftovers::end(&folders).await?;
                    folders.remove()?;
                    return Ok(exit);
                }
                Found::Runs => self.wait_for_shim(engine).await,
                Found::Lost | Found::NotStarted(_) => {
                    leftovers::end(&folders).await?;
                    engine.database.forget_command(&self.id)?;
                    folders.remove()?;
                    return Err(Diagnostic::machine(format!("{} was lost: nobody knows how it ended", self.name()))
                        .evidence(engine.last_lines(self.spec, &self.id, 20))
                        .help("the machine or its shim ended meanwhile; try again: it must be repeatable")
                        .later());
                }
            }
        }
    }

    /// `x migrate` of `service`, for messages.
    pub(super) fn name(&self) -> String {
        format!("`{}` of `{}`", self.run.join(" "), self.spec.service)
    }

    fn find(&self, engine: &Engine, record: &CommandRecord) -> Result<Found, Diagnostic> {
        if let Some(exit) = &record.exit {
            return Ok(Found::Ended(exit.clone()));
        }
        let folders = engine.folders.instance(&self.id);
        folders.make_root()?;
        let Some(lock) = Lock::try_acquire(&folders.lock)? else { return Ok(Found::Runs) };
        if let Some(found) = leftovers::recorded_exit(&folders, &record.token) {
            return Ok(Found::Ended(found.exit));
        }
        let was_started = leftovers::recorded_state(&folders).is_some_and(|state| state.token == record.token);
        Ok(if was_started { Found::Lost } else { Found::NotStarted(lock) })
    }

    /// Returns when there is a reason to look again.
    async fn wait_for_shim(&self, engine: &Engine) {
        let folders = engine.folders.instance(&self.id);
        if let Ok(mut client) = ShimClient::connect(&folders.socket).await
            && client.ask(Want::Events).await.is_ok()
        {
            while let Ok(Some(_)) = client.next().await {}
        }
        sleep(Duration::from_millis(5)).await; // between its last word and the end of its lock
    }
}
