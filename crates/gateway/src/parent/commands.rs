//! What the parent does when it is asked.

use super::process::HeldListener;
use super::supervisor::Supervisor;
use crate::control::{
    Answer, LineChannel, ListenerEntry, ParentCommand, ParentStatus, Refusal, RefusalCode, Request, allowed,
};
use seaworthy_model::routing::ListenAddress;
use serde_json::{Value, json};
use std::collections::BTreeMap;

impl Supervisor {
    /// Carries out one line and answers it.
    pub(super) fn command(&mut self, client: &mut LineChannel, line: &[u8]) {
        let answer = match self.carry_out(client, line) {
            Ok(value) => Answer::Done(value),
            Err(refusal) => Answer::Refused(refusal),
        };
        // Whoever does not wait for the answer does not want it.
        let _ = client.send(&answer, None);
    }

    fn carry_out(&mut self, client: &mut LineChannel, line: &[u8]) -> Result<Value, Refusal> {
        allowed(client.stream())?;
        let request = Request::<ParentCommand>::read(line)?;
        match request.command {
            ParentCommand::Listen(entry) => self.listen(client, entry),
            ParentCommand::Unlisten { id } => {
                self.listeners.remove(&id);
                self.workers().for_each(|worker| worker.unlisten(&id));
                Ok(Value::Null)
            }
            ParentCommand::Listeners => {
                let entries = self.listeners.values().map(|l| (&l.entry.id, &l.entry.address));
                Ok(json!(entries.collect::<BTreeMap<&String, &ListenAddress>>()))
            }
            ParentCommand::Status => Ok(json!(self.status())),
            ParentCommand::RestartWorker { program } => {
                self.replace_worker(program).map_err(|e| Refusal::new(RefusalCode::Failed, e.to_string()))?;
                Ok(Value::Null)
            }
            ParentCommand::Stop => {
                self.stop();
                Ok(Value::Null)
            }
        }
    }

    fn listen(&mut self, client: &mut LineChannel, entry: ListenerEntry) -> Result<Value, Refusal> {
        let socket = client
            .next_descriptor()
            .ok_or_else(|| Refusal::new(RefusalCode::NotUnderstood, "no descriptor came with the line".to_owned()))?;
        let listener = HeldListener { entry, socket };
        self.workers().for_each(|worker| worker.listen(&listener));
        self.listeners.insert(listener.entry.id.clone(), listener);
        Ok(Value::Null)
    }

    fn status(&self) -> ParentStatus {
        ParentStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            worker_pid: self.worker.as_ref().map(|worker| worker.id()),
            worker_ready: self.worker.as_ref().is_some_and(|worker| worker.ready),
            successor_pid: self.successor.as_ref().map(|worker| worker.id()),
            restarts: self.restarts,
            draining: self.draining.iter().map(|worker| worker.id()).collect(),
        }
    }

    fn workers(&mut self) -> impl Iterator<Item = &mut super::process::WorkerProcess> {
        self.worker.iter_mut().chain(&mut self.successor)
    }
}
