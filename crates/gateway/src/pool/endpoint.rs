//! One instance as the gateway knows it.

use super::Namespace;
use crate::proxy::idle::IdleConnections;
use seaworthy_model::routing::EndpointAddress;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The first time that an endpoint is left alone after a failed connect; it doubles with every further one.
const EJECTION_SHORTEST: Duration = Duration::from_millis(100);
/// The longest.
const EJECTION_LONGEST: Duration = Duration::from_secs(10);

/// Tells endpoints apart, also two that had the same address one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointKey(u64);

/// One instance: where it listens, what is under way to it, and how it did lately.
#[derive(Debug)]
pub struct EndpointState {
    /// The instance's id.
    pub id: String,
    /// How it is reached.
    pub address: EndpointAddress,
    /// Its key.
    pub key: EndpointKey,
    /// Connections to it that wait for their next request.
    pub idle: IdleConnections,
    namespace: Namespace,
    in_flight: AtomicU64,
    failed_connects: AtomicU32,
    /// Milliseconds on [`milliseconds`]; 0: not ejected.
    ejected_until: AtomicU64,
    failed_checks: AtomicU32,
    unhealthy: AtomicBool,
}

impl EndpointState {
    /// An instance of which nothing bad is known.
    #[must_use]
    pub fn new(id: &str, address: impl Into<EndpointAddress>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self {
            id: id.to_owned(),
            address: address.into(),
            key: EndpointKey(NEXT.fetch_add(1, Ordering::Relaxed)),
            idle: IdleConnections::default(),
            namespace: Namespace::default(),
            in_flight: AtomicU64::new(0),
            failed_connects: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            failed_checks: AtomicU32::new(0),
            unhealthy: AtomicBool::new(false),
        }
    }

    /// A new connection to it.
    ///
    /// # Errors
    /// Why there is none. An instance whose sandbox is gone is one that refuses.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        match &self.address {
            EndpointAddress::Tcp(address) => TcpStream::connect(address).await,
            EndpointAddress::Sandboxed { socket, port } => self.namespace.connect(socket, *port).await,
        }
    }

    /// Requests and connections under way.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Whether requests may go there now.
    #[must_use]
    pub fn is_eligible(&self) -> bool {
        match self.ejected_until.load(Ordering::Relaxed) {
            0 => !self.unhealthy.load(Ordering::Relaxed),
            until => !self.unhealthy.load(Ordering::Relaxed) && milliseconds() >= until,
        }
    }

    /// How bad it is, for when all are: those that are to be tried again soonest come first.
    pub(super) fn badness(&self) -> (u64, u32) {
        (self.ejected_until.load(Ordering::Relaxed), self.failed_checks.load(Ordering::Relaxed))
    }

    pub(super) fn begin(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end(&self) {
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    /// It accepted a connection or answered.
    pub(super) fn connected(&self) {
        // Written only if there is something to forget: this line of the cache is shared by all threads.
        if self.failed_connects.load(Ordering::Relaxed) != 0 {
            self.failed_connects.store(0, Ordering::Relaxed);
            self.ejected_until.store(0, Ordering::Relaxed);
        }
    }

    /// It did not accept a connection: it is left alone, longer each time.
    pub(super) fn connect_failed(&self) {
        let failures = self.failed_connects.fetch_add(1, Ordering::Relaxed);
        let pause = EJECTION_SHORTEST.saturating_mul(1 << failures.min(16)).min(EJECTION_LONGEST);
        self.ejected_until.store(milliseconds() + pause.as_millis() as u64, Ordering::Relaxed);
    }

    /// The gateway's own look at it. Three bad ones in a row take it out, one good one brings it back.
    pub(super) fn checked(&self, healthy: bool) {
        if healthy {
            self.failed_checks.store(0, Ordering::Relaxed);
            self.unhealthy.store(false, Ordering::Relaxed);
            self.connected();
        } else if self.failed_checks.fetch_add(1, Ordering::Relaxed) >= 2 {
            self.unhealthy.store(true, Ordering::Relaxed);
        }
    }
}

/// Milliseconds since some moment before the first call, never 0.
fn milliseconds() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_millis() as u64 + 1
}
