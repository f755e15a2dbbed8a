//! What all parts of the engine share.

use super::live::Live;
use super::networks::InstanceNetwork;
use super::{EngineOptions, RESERVED_USERS};
use crate::calls::{CallAddresses, Reach};
use crate::database::{Database, DatabaseError};
use crate::events::{EngineEvent, Happening};
use crate::folders::Folders;
use crate::loopback::call_port;
use rand::Rng as _;
use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::lock::Lock;
use seaworthy_host::{clock, peer, user_ids};
use seaworthy_model::Name;
use seaworthy_model::pool::{InstanceId, PoolId, PoolSpec};
use seaworthy_model::routing::EndpointAddress;
use seaworthy_model::service::Protocol;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::broadcast;

/// Events that a slow listener may fall behind.
const EVENTS: usize = 1024;
/// A node that is just ending may hold the home a moment longer.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Engine {
    pub(super) options: EngineOptions,
    pub(super) folders: Folders,
    pub(super) database: Database,
    pub(super) events: broadcast::Sender<EngineEvent>,
    /// User ids of this home; `None` when this process is not root and cannot give any.
    users: Option<Range<u32>>,
    calls: RwLock<Option<Arc<dyn CallAddresses>>>,
    /// Networks of commands that run now.
    pub(super) command_networks: Mutex<BTreeMap<String, InstanceNetwork>>,
    live: Mutex<BTreeMap<InstanceId, Arc<Live>>>,
    /// One change at a time for a pool or a command, by its id.
    changes: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

impl Engine {
    pub(super) fn open(options: EngineOptions) -> Result<(Self, Lock), Diagnostic> {
        let folders = Folders::open(&options.home)?;
        let lock = lock(&options.home.join("engine.lock"))?;
        let database = Database::open(&folders.database())?;
        let users = if peer::is_root() { Some(claim_users(&options, &database)?) } else { None };
        let engine = Self {
            options,
            folders,
            database,
            events: broadcast::Sender::new(EVENTS),
            users,
            calls: RwLock::new(None),
            command_networks: Mutex::default(),
            live: Mutex::default(),
            changes: Mutex::default(),
        };
        Ok((engine, lock))
    }

    pub(super) fn set_calls(&self, calls: Arc<dyn CallAddresses>) {
        *self.calls.write().unwrap_or_else(PoisonError::into_inner) = Some(calls);
    }

    /// Who knows where callees answer.
    pub(super) fn calls(&self) -> Option<Arc<dyn CallAddresses>> {
        self.calls.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Where everything that a pool calls answers.
    pub(super) async fn callees(&self, spec: &PoolSpec) -> Result<BTreeMap<Name, Reach>, Diagnostic> {
        let calls = self.calls();
        let mut callees = BTreeMap::new();
        for (service, pool) in &spec.calls {
            let Some(calls) = &calls else {
                return Err(Diagnostic::new(Fault::Seaworthy, "nobody knows yet where callees answer").later());
            };
            let reach = match &spec.sandbox {
                None => Reach::from(calls.callee(spec, service, pool).await?),
                Some(sandbox) => {
                    let protocol = calls.protocol(pool).await?;
                    let port = call_port(sandbox, service, protocol == Protocol::Tcp);
                    Reach { host: service.to_string(), port, protocol }
                }
            };
            callees.insert(service.clone(), reach);
        }
        Ok(callees)
    }

    /// The user id of a service; `None` on a node that is not root's.
    pub(super) fn user(&self, spec: &PoolSpec) -> Result<Option<u32>, Diagnostic> {
        self.given(|range| self.database.user(&spec.app, &spec.environment, &spec.service, range))
    }

    /// The user id of an app's builds; likewise.
    pub(super) fn build_user(&self, app: &Name) -> Result<Option<u32>, Diagnostic> {
        self.given(|range| self.database.build_user(app, range))
    }

    fn given(
        &self,
        give: impl FnOnce(&Range<u32>) -> Result<Option<u32>, DatabaseError>,
    ) -> Result<Option<u32>, Diagnostic> {
        let Some(range) = &self.users else { return Ok(None) };
        let range = range.start + RESERVED_USERS..range.end;
        let user = give(&range)?;
        if user.is_none() {
            return Err(Diagnostic::machine(format!("all {} user ids of this node are given", range.len()))
                .help("a second node with another SEAWORTHY_HOME has ids of its own"));
        }
        Ok(user)
    }

    pub(super) fn reserved_user(&self, number: u32) -> Option<u32> {
        self.users.as_ref().filter(|_| number < RESERVED_USERS).map(|range| range.start + number)
    }

    fn all_live(&self) -> MutexGuard<'_, BTreeMap<InstanceId, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn live(&self, id: &InstanceId) -> Option<Arc<Live>> {
        self.all_live().get(id).cloned()
    }

    pub(super) fn add_live(&self, live: Arc<Live>) {
        if let Some(before) = self.all_live().insert(live.id.clone(), live) {
            before.let_go();
        }
    }

    pub(super) fn remove_live(&self, id: &InstanceId) {
        if let Some(live) = self.all_live().remove(id) {
            live.let_go();
        }
    }

    /// Ends every keeper; instances go on.
    pub(super) fn let_go(&self) {
        self.all_live().values().for_each(|live| live.let_go());
    }

    pub(super) fn endpoints(&self, pool: &PoolId) -> Vec<(InstanceId, EndpointAddress)> {
        let all = self.all_live();
        let of_pool = all.values().filter(|live| live.pool == *pool && !live.is_stopping());
        let address = |live: &Arc<Live>| {
            let view = live.view.borrow();
            let address = view.address.filter(|_| !view.retired)?;
            let address = match live.entrance.clone() {
                None => EndpointAddress::Tcp(address),
                Some(socket) => EndpointAddress::Sandboxed { socket, port: address.port() },
            };
            Some((live.id.clone(), address))
        };
        of_pool.filter_map(address).collect()
    }

    /// Waits for its turn to change a pool or a command.
    pub(super) async fn change(&self, id: &str) -> tokio::sync::OwnedMutexGuard<()> {
        let lock = {
            let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            changes.retain(|_, lock| Arc::strong_count(lock) > 1);
            Arc::clone(changes.entry(id.to_owned()).or_default())
        };
        lock.lock_owned().await
    }

    pub(super) fn tell(&self, spec: &PoolSpec, instance: &InstanceId, what: Happening) {
        let (app, environment, service) = (spec.app.clone(), spec.environment.clone(), spec.service.clone());
        let (pool, instance) = (spec.id.clone(), instance.clone());
        // Nobody listening is no error.
        let _ = self.events.send(EngineEvent { at: clock::now(), app, environment, service, pool, instance, what });
    }

    /// The log of an instance of a pool.
    pub(super) fn log(&self, spec: &PoolSpec, id: &str) -> PathBuf {
        self.folders.log(&spec.app, &spec.environment, &spec.service, id)
    }

    /// The last lines of an instance's log, as evidence.
    pub(super) fn last_lines(&self, spec: &PoolSpec, id: &str, lines: usize) -> Vec<String> {
        let entries = crate::logs::tail(&self.log(spec, id), self.options.log_limits.files, lines);
        entries.unwrap_or_default().into_iter().map(|entry| entry.text).collect()
    }
}

/// A text that nothing else has.
pub(super) fn new_token() -> String {
    hex::encode(rand::rng().random::<[u8; 16]>())
}

fn lock(path: &std::path::Path) -> Result<Lock, Diagnostic> {
    let patient_until = Instant::now() + LOCK_PATIENCE;
    loop {
        if let Some(lock) = Lock::try_acquire(path)? {
            return Ok(lock);
        }
        if Instant::now() >= patient_until {
            let home = path.parent().unwrap_or(path).display();
            return Err(Diagnostic::user(format!("another node already runs with `{home}`"))
                .help("`seaworthy node status` shows it; set SEAWORTHY_HOME for a second one"));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn claim_users(options: &EngineOptions, database: &Database) -> Result<Range<u32>, Diagnostic> {
    let known = database.user_slot()?;
    let slot = user_ids::claim(&options.home, known)?;
    if known.is_none() {
        database.set_user_slot(slot)?;
    }
    Ok(user_ids::range(slot))
}
