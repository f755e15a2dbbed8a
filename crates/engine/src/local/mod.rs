//! The `local` target.

mod adopt;
mod before;
mod command;
mod engine;
mod exec;
mod healthy;
mod instance_logs;
mod job;
mod keeper;
mod leftovers;
mod live;
mod networks;
mod ports;
mod prepare;
mod run;
mod sandbox;
mod start;
mod status;
mod stop;
mod terminal;

pub use adopt::Adopted;
pub use exec::{Exec, ExecEnd, ExecRefusal, ExecStreams};
pub use instance_logs::{LogFollower, LogLine, LogSelection};
pub use job::JobCommand;
pub use networks::InstanceNetwork;
pub use run::{Run, RunOutput};
pub use status::{InstanceState, InstanceStatus, PoolStatus};
pub use terminal::{Terminal, TerminalSide};

use crate::calls::CallAddresses;
use crate::capabilities::Capabilities;
use crate::events::EngineEvent;
use crate::logs::LogLimits;
use crate::spawn::ShimCommand;
use crate::wire::{BackOffLimits, Exit};
use engine::Engine;
use seaworthy_deploy::Target;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::lock::Lock;
use seaworthy_model::Name;
use seaworthy_model::pool::{InstanceId, PoolId, PoolSpec};
use seaworthy_model::routing::EndpointAddress;
use seaworthy_store::blobs::Blobs;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::broadcast;

/// The first user ids of a home's range are for the node's own helpers (gateway, checks).
pub const RESERVED_USERS: u32 = 10;
/// Of these, the gateway's.
pub const GATEWAY_USER: u32 = 0;

/// As many processes and threads as most programs ever need, and few enough that none takes all of the machine's.
const PROCESSES_MAX: u32 = 4096;

/// How the engine works.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where its state is.
    pub home: PathBuf,
    /// Where the files of images are.
    pub blobs: Blobs,
    /// What lies below the files of every image that consists of nothing else, lowest first: folders like a root.
    pub base_layers: Vec<PathBuf>,
    /// Processes and threads that an instance in a sandbox may have.
    pub processes_max: u32,
    /// How a shim is started.
    pub shim: ShimCommand,
    /// How much of an instance's log is kept.
    pub log_limits: LogLimits,
    /// How long a shim waits before it starts its program again.
    pub back_off: BackOffLimits,
}

impl EngineOptions {
    /// The usual way: this program as shim, the limits of the handbook.
    #[must_use]
    pub fn new(home: PathBuf, blobs: Blobs) -> Self {
        Self {
            home,
            blobs,
            base_layers: Vec::new(),
            processes_max: PROCESSES_MAX,
            shim: ShimCommand::default(),
            log_limits: LogLimits::default(),
            back_off: BackOffLimits::default(),
        }
    }
}

/// The engine: instances as processes of this machine, each under a shim that outlives this value. Dropping it ends
/// nothing that runs; the next one finds everything again ([`LocalTarget::adopt`]).
pub struct LocalTarget {
    engine: Arc<Engine>,
    /// One engine per home.
    _lock: Lock,
}

impl LocalTarget {
    /// Opens the engine of a home.
    ///
    /// # Errors
    /// When the home cannot be written, another node has it, or a newer version has written it.
    pub fn open(options: EngineOptions) -> Result<Self, Diagnostic> {
        let (engine, lock) = Engine::open(options)?;
        Ok(Self { engine: Arc::new(engine), _lock: lock })
    }

    /// Says who knows where callees answer. To be called before anything that calls others is started or adopted.
    pub fn set_call_addresses(&self, calls: Arc<dyn CallAddresses>) {
        self.engine.set_calls(calls);
    }

    /// Takes over everything that ran when the engine before this one ended: what still runs goes on untouched, what
    /// does not is started again, what nobody wants any more is ended. Called twice, it starts nothing twice.
    ///
    /// # Errors
    /// When the engine's memory cannot be read; single instances that fail are in the answer and tried again.
    pub async fn adopt(&self) -> Result<Adopted, Diagnostic> {
        adopt::adopt(&self.engine).await
    }

    /// Everything that happens to instances from now on.
    #[must_use]
    pub fn events(&self) -> broadcast::Receiver<EngineEvent> {
        self.engine.events.subscribe()
    }

    /// Where the instances of a pool listen; none that is about to end, and none of a worker.
    #[must_use]
    pub fn endpoints(&self, pool: &PoolId) -> Vec<(InstanceId, EndpointAddress)> {
        self.engine.endpoints(pool)
    }

    /// The network of every instance and command that has one of its own.
    ///
    /// # Errors
    /// When the engine's memory cannot be read.
    pub fn networks(&self) -> Result<Vec<InstanceNetwork>, Diagnostic> {
        networks::networks(&self.engine)
    }

    /// Fetches a listening socket that stands in the network of an instance.
    ///
    /// # Errors
    /// When its shim does not give it: it is just starting, or gone.
    pub async fn inside_listener(&self, network: &InstanceNetwork, name: &str) -> Result<OwnedFd, Diagnostic> {
        let fetched = crate::inside::listener(&network.entrance, name).await;
        fetched.map_err(|error| {
            Diagnostic::machine(format!("the shim of `{}` does not give `{name}`: {error}", network.instance)).later()
        })
    }

    /// Every pool and instance there is. Reads `/proc`: a few milliseconds.
    ///
    /// # Errors
    /// When the engine's memory cannot be read.
    pub fn status(&self) -> Result<Vec<PoolStatus>, Diagnostic> {
        status::status(&self.engine)
    }

    /// The services of an environment whose programs had to be killed after their grace time when they last ended.
    ///
    /// # Errors
    /// When the engine's memory cannot be read.
    pub fn deaf_services(&self, app: &Name, environment: &Name) -> Result<BTreeSet<String>, Diagnostic> {
        Ok(self.engine.database.deaf(app, environment)?)
    }

    /// Starts a command in a pool's image with its values, beside its instances.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn run_once(&self, pool: &PoolSpec, command: &[String]) -> Result<Run, Diagnostic> {
        run::run(&self.engine, pool, command).await
    }

    /// Starts a run of a job, unless it was started before.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn start_job(&self, job: &JobCommand) -> Result<(), Diagnostic> {
        job.start(&self.engine).await
    }

    /// Goes on with a run that was started before, also by another node; false: nothing of it is there any more.
    ///
    /// # Errors
    /// When the engine's memory cannot be read.
    pub async fn resume_job(&self, job: &JobCommand) -> Result<bool, Diagnostic> {
        job.resume(&self.engine).await
    }

    /// Waits for the end of a run.
    ///
    /// # Errors
    /// When it was ended, or nobody knows how it ended.
    pub async fn wait_for_job(&self, job: &JobCommand) -> Result<Exit, Diagnostic> {
        job.wait(&self.engine).await
    }

    /// Ends a run: SIGTERM, the service's grace time, SIGKILL. Tells how it ended, if it was faster.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn end_job(&self, job: &JobCommand) -> Result<Option<Exit>, Diagnostic> {
        job.end(&self.engine).await
    }

    /// Forgets a run that has ended, and the logs of the job's oldest ones.
    ///
    /// # Errors
    /// When the engine's memory cannot be written.
    pub fn forget_job(&self, job: &JobCommand) -> Result<(), Diagnostic> {
        job.forget(&self.engine)
    }

    /// Starts a command in a running instance, beside its program and behind the same walls. With a terminal its
    /// streams are one, else three pipes.
    ///
    /// # Errors
    /// When the instance does not run, or has no such program.
    pub async fn exec(
        &self,
        pool: &PoolSpec,
        instance: &InstanceId,
        command: &[String],
        terminal: Option<Terminal>,
    ) -> Result<Exec, ExecRefusal> {
        exec::exec(&self.engine, pool, instance, command, terminal).await
    }

    /// What this machine gives for sandboxes. Tries it: some milliseconds.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        Capabilities::find(&self.engine.options.shim)
    }

    /// The last lines that were written, oldest first, those of instances that are gone included.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn logs(&self, selection: &LogSelection, lines: usize) -> Result<Vec<LogLine>, Diagnostic> {
        instance_logs::last(&self.engine, selection, lines)
    }

    /// The last lines, then those that are written from now on.
    ///
    /// # Errors
    /// When a log cannot be read.
    pub fn follow_logs(
        &self,
        selection: LogSelection,
        lines: usize,
    ) -> Result<(Vec<LogLine>, LogFollower), Diagnostic> {
        instance_logs::follow(&self.engine, selection, lines)
    }

    /// One of the user ids that are kept for the node's own helpers; `None` on a node that is not root's.
    #[must_use]
    pub fn reserved_user(&self, number: u32) -> Option<u32> {
        self.engine.reserved_user(number)
    }

    /// The user id that an app's builds run as; `None` on a node that is not root's.
    ///
    /// # Errors
    /// When all ids of this home are given.
    pub fn build_user(&self, app: &Name) -> Result<Option<u32>, Diagnostic> {
        self.engine.build_user(app)
    }

    /// The user id that a service's instances run as; `None` on a node that is not root's.
    ///
    /// # Errors
    /// When all ids of this home are given.
    pub fn service_user(&self, pool: &PoolSpec) -> Result<Option<u32>, Diagnostic> {
        self.engine.user(pool)
    }
}

impl Target for LocalTarget {
    async fn before(&self, deployment: u64, pool: &PoolSpec) -> Result<(), Diagnostic> {
        before::before(&self.engine, deployment, pool).await
    }

    async fn start(&self, pool: &PoolSpec) -> Result<(), Diagnostic> {
        start::start(&self.engine, pool).await.map_err(|problem| of_service(problem, &pool.service))
    }

    async fn healthy(&self, pool: &PoolSpec) -> Result<(), Diagnostic> {
        healthy::healthy(&self.engine, pool).await
    }

    async fn stop(&self, pool: &PoolId) -> Result<(), Diagnostic> {
        stop::stop(&self.engine, pool).await
    }

    async fn pools(&self, app: &Name, environment: &Name) -> Result<Vec<PoolId>, Diagnostic> {
        Ok(self.engine.database.pools_of(app, environment)?)
    }
}

impl Drop for LocalTarget {
    fn drop(&mut self) {
        self.engine.let_go();
    }
}

/// A problem that says whose it is.
fn of_service(mut problem: Diagnostic, service: &Name) -> Diagnostic {
    let named = format!("`{service}`");
    if !problem.message.contains(&named) {
        problem.message = format!("{named} cannot start: {}", problem.message);
    }
    problem
}
