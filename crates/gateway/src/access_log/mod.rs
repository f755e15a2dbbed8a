//! The access log: formatted where the exchange ended, written in batches by a thread of its own.
//!
//! A line costs a request a copy into a buffer that its thread hardly shares with anybody; the system is called ten
//! times a second, not once per request.

mod entry;
mod file;

pub use entry::AccessEntry;
use file::RotatedFile;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread::{self, Thread};
use std::time::{Duration, UNIX_EPOCH};

/// How many buffers there are; more than the threads of most machines' gateways.
const SHARDS: usize = 8;
/// What a buffer may hold while the disk is slow; what comes then is dropped and counted.
const SHARD_BYTES_MAX: usize = 4 << 20;
/// A buffer that has held more gives its memory back.
const SHARD_BYTES_KEPT: usize = 256 << 10;
/// How long lines are gathered.
const GATHERED_FOR: Duration = Duration::from_millis(100);

/// Where ended exchanges are written down; by default nowhere.
#[derive(Debug, Default)]
pub struct AccessLog {
    shared: Option<Arc<Shared>>,
    writer: Option<Thread>,
}

#[derive(Debug)]
struct Shared {
    shards: [Mutex<Shard>; SHARDS],
    /// The writer knows that there is something to write.
    awake: AtomicBool,
    dropped: AtomicU64,
    file: Mutex<RotatedFile>,
}

#[derive(Debug, Default)]
struct Shard {
    bytes: Vec<u8>,
    /// The second that `time` says.
    second: u64,
    /// `2025-01-31T12:00:00.000Z`.
    time: Vec<u8>,
}

impl AccessLog {
    /// Appends to this file.
    ///
    /// # Errors
    /// When it cannot be opened or no thread can be had.
    pub fn open(path: &Path) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            shards: Default::default(),
            awake: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            file: Mutex::new(RotatedFile::open(path)?),
        });
        let weak = Arc::downgrade(&shared);
        let writer = thread::Builder::new().name("access-log".to_owned()).spawn(move || write_until_dropped(&weak))?;
        Ok(Self { shared: Some(shared), writer: Some(writer.thread().clone()) })
    }

    /// Hands an entry over. Never waits; what does not fit is counted and dropped.
    pub fn record(&self, entry: &AccessEntry<'_>) {
        let Some(shared) = &self.shared else { return };
        {
            let mut shard = shared.shards[shard_number()].lock().unwrap_or_else(PoisonError::into_inner);
            if shard.bytes.len() >= SHARD_BYTES_MAX {
                shared.dropped.fetch_add(1, Ordering::Relaxed);
                return;
            }
            shard.write(entry);
        }
        if !shared.awake.load(Ordering::Relaxed)
            && !shared.awake.swap(true, Ordering::AcqRel)
            && let Some(writer) = &self.writer
        {
            writer.unpark();
        }
    }

    /// How many lines were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.shared.as_ref().map_or(0, |shared| shared.dropped.load(Ordering::Relaxed))
    }

    /// Writes what there is, now.
    pub fn flush(&self) {
        if let Some(shared) = &self.shared {
            shared.write();
        }
    }
}

impl Drop for AccessLog {
    fn drop(&mut self) {
        self.flush();
        self.shared = None;
        if let Some(writer) = &self.writer {
            writer.unpark();
        }
    }
}

impl Shard {
    fn write(&mut self, entry: &AccessEntry<'_>) {
        let now = seaworthy_host::clock::now();
        let since_epoch = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        if since_epoch.as_secs() != self.second || self.time.is_empty() {
            self.second = since_epoch.as_secs();
            let text = seaworthy_host::clock::rfc3339(now);
            let whole_seconds = text.split('.').next().unwrap_or_default();
            self.time = format!("{whole_seconds}.000Z").into_bytes();
        }
        let milliseconds = since_epoch.subsec_millis();
        let end = self.time.len() - 1;
        for (place, divisor) in [(3, 100), (2, 10), (1, 1)] {
            self.time[end - place] = b'0' + (milliseconds / divisor % 10) as u8;
        }
        entry.write(&self.time, &mut self.bytes);
    }
}

impl Shared {
    /// Writes what every shard has gathered.
    fn write(&self) {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        for shard in &self.shards {
            let bytes = std::mem::take(&mut shard.lock().unwrap_or_else(PoisonError::into_inner).bytes);
            if bytes.is_empty() {
                continue;
            }
            if file.append(&bytes).is_err() {
                let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
                self.dropped.fetch_add(lines as u64, Ordering::Relaxed);
            }
            let mut bytes = bytes;
            bytes.clear();
            bytes.shrink_to(SHARD_BYTES_KEPT);
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            if shard.bytes.is_empty() {
                // Its memory is used again instead of growing anew.
                shard.bytes = bytes;
            }
        }
    }
}

fn write_until_dropped(shared: &Weak<Shared>) {
    loop {
        match shared.upgrade() {
            None => return,
            Some(shared) if !shared.awake.load(Ordering::Acquire) => {
                drop(shared);
                thread::park();
            }
            Some(shared) => {
                thread::sleep(GATHERED_FOR);
                // Lines that come after this wake it again, so that none stays behind.
                shared.awake.store(false, Ordering::Release);
                shared.write();
            }
        }
    }
}

fn shard_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
    }
    NUMBER.with(|number| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_many_threads_are_all_there_and_whole() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let log = AccessLog::open(&path).unwrap();
        thread::scope(|scope| {
            for thread in 0..4 {
                let log = &log;
                scope.spawn(move || {
                    for line in 0..500 {
                        let target = format!("/{thread}/{line}");
                        log.record(&AccessEntry { target: &target, status: 200, ..AccessEntry::default() });
                    }
                });
            }
        });
        drop(log);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut targets: Vec<String> = Vec::new();
        for line in text.lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(seaworthy_host::clock::parse(value["time"].as_str().unwrap()).is_some(), "{line}");
            targets.push(value["target"].as_str().unwrap().to_owned());
        }
        targets.sort();
        targets.dedup();
        assert_eq!(targets.len(), 2000);
    }

    #[test]
    fn the_writer_needs_no_flush_and_ends_with_the_log() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("access.log");
        let log = AccessLog::open(&path).unwrap();
        for target in ["/first", "/second"] {
            log.record(&AccessEntry { target, ..AccessEntry::default() });
            let deadline = std::time::Instant::now() + Duration::from_secs(10);
            while !std::fs::read_to_string(&path).unwrap().contains(target) {
                assert!(std::time::Instant::now() < deadline, "not written");
                thread::yield_now();
            }
        }
        let shared = Arc::downgrade(log.shared.as_ref().unwrap());
        drop(log);
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        while shared.strong_count() > 0 {
            assert!(std::time::Instant::now() < deadline, "the writer keeps it alive");
            thread::yield_now();
        }
    }
}
