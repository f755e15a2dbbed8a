//! Other programs in running instances, for whoever may deploy.

mod streams;

use crate::Node;
use crate::failure::Failures;
use crate::supervise;
use seaworthy_api::wire::{ExecRequest, ExecTerminal};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_engine::{Exec, ExecRefusal, InstanceState, InstanceStatus, Terminal};
use seaworthy_model::Name;
use seaworthy_model::pool::PoolSpec;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many of them run at once.
const EXECS_MAX: usize = 64;
/// What is started where no program is named.
const SHELL: &str = "sh";

/// How many more may be started.
#[derive(Debug, Clone)]
pub(crate) struct Execs(Arc<Semaphore>);

impl Default for Execs {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(EXECS_MAX)))
    }
}

/// One that runs.
pub(crate) struct Entered {
    exec: Exec,
    _place: OwnedSemaphorePermit,
}

impl Entered {
    /// Carries its streams; when the other end goes, the program ends.
    pub(crate) async fn accompany(self, connection: impl AsyncRead + AsyncWrite) {
        streams::accompany(self.exec, connection).await;
    }
}

impl Node {
    /// Starts a program in an instance of a service that serves.
    pub(crate) async fn exec(
        &self,
        app: &Name,
        environment: &Name,
        request: &ExecRequest,
        user: &str,
    ) -> Result<Entered, Failures> {
        let pool = self.serving(app, environment, &request.service)?;
        let instance = self.entered_instance(&pool, request.instance)?;
        let Ok(place) = Arc::clone(&self.execs.0).try_acquire_owned() else {
            let error = Diagnostic::user(format!("{EXECS_MAX} programs have been started by `exec` here already"));
            return Err(error.help("end some of them first").later().into());
        };
        let shell = [SHELL.to_owned()];
        let command = if request.command.is_empty() { &shell[..] } else { &request.command };
        let terminal = request.terminal.as_ref().map(terminal);
        let exec = match self.engine.exec(&pool, &instance.id, command, terminal).await {
            Ok(exec) => exec,
            Err(ExecRefusal::Failed(error)) => return Err(error.into()),
            Err(ExecRefusal::Missing) => return Err(missing(&pool, environment, &request.command).into()),
        };
        // Its arguments are nobody's business: there may be a secret among them.
        supervise::note(&format!("{user} runs `{}` in {}", command[0], instance.id));
        Ok(Entered { exec, _place: place })
    }

    /// The instance in a slot, else the first that runs.
    fn entered_instance(&self, pool: &PoolSpec, slot: Option<u16>) -> Result<InstanceStatus, Failures> {
        let pools = self.engine.status()?;
        let instances = pools.into_iter().find(|status| status.spec.id == pool.id).map(|status| status.instances);
        let mut instances = instances.unwrap_or_default();
        instances.retain(|instance| !instance.retired);
        let is_up = |instance: &InstanceStatus| instance.pid.is_some();
        let found = match slot {
            Some(slot) => instances.iter().find(|instance| instance.id == pool.id.instance(slot)),
            None => {
                let running = instances.iter().find(|one| one.state == InstanceState::Running && is_up(one));
                running.or_else(|| instances.iter().find(|instance| is_up(instance)))
            }
        };
        if let Some(found) = found {
            return Ok(found.clone());
        }
        let service = &pool.service;
        let error = match slot {
            Some(slot) => {
                let slots = instances.iter().filter_map(|instance| instance.id.0.rsplit('-').next());
                let known = slots.collect::<Vec<_>>().join(", ");
                Diagnostic::user(format!("`{service}` has no instance {slot}")).help(format!("it has {known}"))
            }
            None => Diagnostic::user(format!("no instance of `{service}` runs just now"))
                .help(format!("`seaworthy status {}` says why", pool.environment)),
        };
        Err(error.into())
    }
}

fn terminal(wanted: &ExecTerminal) -> Terminal {
    Terminal { kind: wanted.kind.clone(), rows: wanted.size.rows, columns: wanted.size.columns }
}

/// The program is not there: what can be done about it.
fn missing(pool: &PoolSpec, environment: &Name, command: &[String]) -> Diagnostic {
    let service = &pool.service;
    match command.first() {
        Some(name) => Diagnostic::user(format!("there is no program `{name}` in the image of `{service}`")).help(
            format!("what runs there has nothing of this machine's; `seaworthy image inspect {service}` lists it"),
        ),
        None => Diagnostic::user(format!("there is no shell in the image of `{service}`")).help(format!(
            "name one of its programs, `seaworthy exec {environment} {service} -- PROGRAM`; `dash` among the packages of \
             `base` is a shell; the image or the Dockerfile of others has to bring one"
        )),
    }
}
