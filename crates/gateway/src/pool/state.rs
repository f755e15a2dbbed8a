//! A pool with its live state.

use super::EndpointState;
pub use crate::control::CallerCount;
use crate::fanout::FanoutTally;
use arc_swap::{ArcSwap, Guard};
use seaworthy_model::routing::Pool;
use seaworthy_model::service::Protocol;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// What the table says of a pool.
#[derive(Debug)]
pub struct PoolSettings {
    /// A label for logs: `APP/ENV/SERVICE`.
    pub label: String,
    /// What its connections carry.
    pub protocol: Protocol,
    /// Its instances.
    pub endpoints: Vec<Arc<EndpointState>>,
    /// The page that tells health; `None`: it is enough to connect.
    pub health_path: Option<String>,
    /// How long requests wait; `None`: the pool is not held.
    pub held: Option<Duration>,
    /// How long what is in flight may take once no route leads here.
    pub drain: Duration,
}

/// How often one service called another.
#[derive(Debug, Default)]
pub struct CallerTally {
    requests: AtomicU64,
    errors: AtomicU64,
}

impl CallerTally {
    /// Counts an answered request.
    pub fn count(&self, status: u16) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if status >= 500 {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counted(&self) -> CallerCount {
        let (requests, errors) = (self.requests.load(Ordering::Relaxed), self.errors.load(Ordering::Relaxed));
        CallerCount { requests, errors }
    }
}

/// A pool: it lives as long as a table names it or something is in flight to it.
#[derive(Debug)]
pub struct PoolState {
    id: String,
    /// The serial number of the table that requests follow now.
    table: Arc<AtomicU64>,
    settings: ArcSwap<PoolSettings>,
    retired: AtomicBool,
    in_flight: AtomicU64,
    requests: AtomicU64,
    errors: AtomicU64,
    closed: AtomicU64,
    callers: Mutex<BTreeMap<String, Arc<CallerTally>>>,
    /// How it did in fan-outs.
    pub fanout: FanoutTally,
    pub(super) waiting: AtomicUsize,
    pub(super) turn: AtomicUsize,
    /// Wakes those that wait for a held pool.
    pub(super) changed: Notify,
    /// Wakes those that wait for nothing to be in flight.
    emptied: Notify,
    closing: Mutex<Closing>,
}

#[derive(Debug, Default)]
struct Closing {
    signal: CancellationToken,
    unreached_since: Option<Instant>,
}

impl PoolState {
    /// A pool without endpoints, apart from any table.
    pub(crate) fn new(id: &str) -> Arc<Self> {
        Self::following(id, Arc::default())
    }

    /// A pool without endpoints of the tables whose current one has the serial number `table`.
    pub(crate) fn following(id: &str, table: Arc<AtomicU64>) -> Arc<Self> {
        let settings = PoolSettings {
            label: id.to_owned(),
            protocol: Protocol::Http,
            endpoints: Vec::new(),
            health_path: None,
            held: None,
            drain: Duration::ZERO,
        };
        Arc::new(Self {
            id: id.to_owned(),
            table,
            settings: ArcSwap::from_pointee(settings),
            retired: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            callers: Mutex::default(),
            fanout: FanoutTally::default(),
            waiting: AtomicUsize::new(0),
            turn: AtomicUsize::new(0),
            changed: Notify::new(),
            emptied: Notify::new(),
            closing: Mutex::default(),
        })
    }

    /// Takes over what a new table says; endpoints of the same id and address stay the same ones. `reached`: a route or
    /// a listener of that table leads here.
    pub(crate) fn update(&self, pool: &Pool, reached: bool) {
        let before = self.settings.load_full();
        let endpoint = |new: &seaworthy_model::routing::Endpoint| {
            let known = before.endpoints.iter().find(|old| old.id == new.id && old.address == new.address);
            known.cloned().unwrap_or_else(|| Arc::new(EndpointState::new(&new.id, new.address.clone())))
        };
        self.settings.store(Arc::new(PoolSettings {
            label: pool.label.clone(),
            protocol: pool.protocol,
            endpoints: pool.endpoints.iter().map(endpoint).collect(),
            health_path: pool.health_path.clone(),
            held: pool.held,
            drain: pool.drain,
        }));
        self.retired.store(false, Ordering::SeqCst);
        self.set_reached(reached);
    }

    /// The table no longer has this pool: whoever waits for it looks elsewhere, what is in flight drains.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::SeqCst);
        self.set_reached(false);
        self.changed.notify_waiters();
    }

    /// The serial number of the table that requests follow now.
    pub(super) fn current_table(&self) -> u64 {
        self.table.load(Ordering::SeqCst)
    }

    /// Wakes those that wait: the table has changed.
    pub(crate) fn wake_waiting(&self) {
        self.changed.notify_waiters();
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What the table says of it.
    #[must_use]
    pub fn settings(&self) -> Guard<Arc<PoolSettings>> {
        self.settings.load()
    }

    /// Counts an answered request, whoever made the answer. Once per request, not per attempt.
    pub fn count(&self, status: u16) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if status >= 500 {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Requests answered, and those of them that were errors.
    #[must_use]
    pub fn counted(&self) -> (u64, u64) {
        (self.requests.load(Ordering::Relaxed), self.errors.load(Ordering::Relaxed))
    }

    /// Counts an answer after which the instance closes its connection.
    pub(crate) fn count_closed(&self) {
        self.closed.fetch_add(1, Ordering::Relaxed);
    }

    /// Answers after which the instance closed its connection.
    pub(crate) fn counted_closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }

    /// The counts of one of those who call it.
    #[must_use]
    pub fn caller(&self, name: &str) -> Arc<CallerTally> {
        let mut callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        callers.entry(name.to_owned()).or_default().clone()
    }

    /// Counts by caller, where the listener tells who calls.
    #[must_use]
    pub fn counted_by_caller(&self) -> BTreeMap<String, CallerCount> {
        let callers = self.callers.lock().unwrap_or_else(PoisonError::into_inner);
        let called = callers.iter().map(|(name, tally)| (name.clone(), tally.counted()));
        called.filter(|(_, count)| count.requests > 0).collect()
    }

    /// Requests, upgraded connections and TCP connections under way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        // As strong as the store of `retired` and the increment in `begin`: one of the two sees the other.
        self.in_flight.load(Ordering::SeqCst)
    }

    /// Whether the table no longer has it.
    #[must_use]
    pub fn is_retired(&self) -> bool {
        self.retired.load(Ordering::SeqCst)
    }

    /// Cancelled when what is in flight to this pool is to end politely, now.
    #[must_use]
    pub fn closing(&self) -> CancellationToken {
        self.closing_state().signal.clone()
    }

    /// Whether what is in flight to it has had its time.
    pub(crate) fn is_closing(&self) -> bool {
        self.closing_state().signal.is_cancelled()
    }

    /// Ends what is in flight politely.
    pub(crate) fn close(&self) {
        self.closing_state().signal.cancel();
    }

    /// Closes what outlived the drain time of a pool that no route leads to.
    pub(crate) fn close_if_overdue(&self, now: Instant) {
        let drain = self.settings().drain;
        let closing = self.closing_state();
        if closing.unreached_since.is_some_and(|since| now.saturating_duration_since(since) >= drain) {
            closing.signal.cancel();
        }
    }

    /// Returns when nothing is in flight.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.in_flight() == 0 {
                return;
            }
            emptied.await;
        }
    }

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
    }

    pub(super) fn end(&self) {
        if self.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.emptied.notify_waiters();
        }
    }

    fn set_reached(&self, reached: bool) {
        let mut closing = self.closing_state();
        if reached {
            closing.unreached_since = None;
            if closing.signal.is_cancelled() {
                closing.signal = CancellationToken::new();
            }
        } else if closing.unreached_since.is_none() {
            closing.unreached_since = Some(Instant::now());
        }
    }

    fn closing_state(&self) -> MutexGuard<'_, Closing> {
        self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
