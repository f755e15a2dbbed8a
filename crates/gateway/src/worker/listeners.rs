//! The listeners that this worker was given, and which of them it accepts on.

use super::accept::{self, Socket};
use crate::Gateway;
use crate::control::ListenerEntry;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// The most client connections; further ones wait in the backlog of the listeners.
const CONNECTIONS_MAX: usize = 65_536;
/// Descriptors for everything but connections.
const DESCRIPTORS_ASIDE: u64 = 128;

/// Listeners by id. A listener that the table does not name keeps its backlog and waits.
pub(crate) struct Listeners {
    gateway: Arc<Gateway>,
    open: Mutex<BTreeMap<String, OpenListener>>,
    places: Arc<Semaphore>,
    places_max: usize,
}

struct OpenListener {
    entry: ListenerEntry,
    socket: Arc<Socket>,
    accepting: Option<CancellationToken>,
}

impl Listeners {
    pub(super) fn new(gateway: Arc<Gateway>) -> Self {
        // A connection may need another one to an instance.
        let limit = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).map_or(1024, |(l, _)| l);
        let places_max = usize::try_from(limit.saturating_sub(DESCRIPTORS_ASIDE) / 2).unwrap_or(CONNECTIONS_MAX);
        let places_max = places_max.clamp(64, CONNECTIONS_MAX);
        Self { gateway, open: Mutex::default(), places: Arc::new(Semaphore::new(places_max)), places_max }
    }

    /// Takes a listener; one of the same id is replaced. Needs the runtime.
    pub(super) fn open(&self, entry: ListenerEntry, socket: OwnedFd) -> io::Result<()> {
        let socket = Arc::new(Socket::new(socket, &entry.address)?);
        let mut open = self.lock();
        let id = entry.id.clone();
        if let Some(old) = open.insert(id, OpenListener { entry, socket, accepting: None }) {
            old.stop();
        }
        self.follow_table(&mut open);
        Ok(())
    }

    /// Closes a listener.
    pub(super) fn close(&self, id: &str) {
        if let Some(old) = self.lock().remove(id) {
            old.stop();
        }
    }

    /// Accepts on the listeners that the table names, and on no others.
    pub(super) fn follow(&self) {
        self.follow_table(&mut self.lock());
    }

    /// Accepts on none any more.
    pub(super) fn close_all(&self) {
        for (_, listener) in std::mem::take(&mut *self.lock()) {
            listener.stop();
        }
    }

    /// The ids of those that are accepted on.
    pub(super) fn accepting(&self) -> Vec<String> {
        self.lock().iter().filter(|(_, l)| l.accepting.is_some()).map(|(id, _)| id.clone()).collect()
    }

    /// Every listener, to hand it over.
    pub(super) fn all(&self) -> Vec<(ListenerEntry, Arc<Socket>)> {
        self.lock().values().map(|listener| (listener.entry.clone(), listener.socket.clone())).collect()
    }

    /// How many client connections there are.
    pub(super) fn connections(&self) -> usize {
        // Every accepting listener holds one place for who comes next.
        let taken = self.places_max - self.places.available_permits();
        taken.saturating_sub(self.lock().values().filter(|l| l.accepting.is_some()).count())
    }

    /// Returns when there is no connection any more; nothing is to be accepted meanwhile.
    pub(super) async fn all_ended(&self) {
        let places = u32::try_from(self.places_max).unwrap_or(u32::MAX);
        let _ = self.places.acquire_many(places).await;
    }

    fn follow_table(&self, open: &mut BTreeMap<String, OpenListener>) {
        let table = self.gateway.table();
        for (id, listener) in open {
            match (table.has_listener(id), listener.accepting.take()) {
                (true, Some(accepting)) => listener.accepting = Some(accepting),
                (true, None) => {
                    let stop = CancellationToken::new();
                    let (gateway, socket, places) =
                        (self.gateway.clone(), listener.socket.clone(), self.places.clone());
                    tokio::spawn(accept::accept(gateway, id.as_str().into(), socket, places, stop.clone()));
                    listener.accepting = Some(stop);
                }
                (false, Some(accepting)) => accepting.cancel(),
                (false, None) => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, OpenListener>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpenListener {
    fn stop(self) {
        if let Some(accepting) = self.accepting {
            accepting.cancel();
        }
    }
}
