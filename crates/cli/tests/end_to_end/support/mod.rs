//! A world of its own for every test: a home, a port, an app, and an eye on every process that comes of it.

pub(crate) mod accounts;
pub(crate) mod archive;
pub(crate) mod bytes;
pub(crate) mod deployment;
pub(crate) mod disk;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod manifest;
pub(crate) mod postgres;
pub(crate) mod processes;
pub(crate) mod registry;
pub(crate) mod remote;
pub(crate) mod repository;
pub(crate) mod standing;
pub(crate) mod websocket;
pub(crate) mod world;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Waits until a condition gives something; panics with what was waited for when it takes too long.
pub(crate) fn wait_for<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + deadline;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < until, "waited {deadline:?} in vain: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Tests that put load on the machine run one after the other: beside each other they would measure each other.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static LOAD: Mutex<()> = Mutex::new(());
    LOAD.lock().unwrap_or_else(PoisonError::into_inner)
}
