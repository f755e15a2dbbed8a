//! Clients of a service that speaks bytes: each keeps its connection for as long as it lasts.

use super::wait_for;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const MESSAGE: &[u8] = b"there and back\n";

#[derive(Default)]
struct Shared {
    stop: AtomicBool,
    answered: AtomicU64,
    lost: Mutex<Vec<String>>,
}

pub(crate) struct Callers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Callers {
    pub(crate) fn start(port: u16, count: usize) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = (0..count).map(|_| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.call(port))
        });
        let threads = threads.collect();
        Self { shared, threads }
    }

    /// Until that many more messages came back.
    pub(crate) fn go_on(&self, more: u64) {
        let before = self.shared.answered.load(Ordering::Relaxed);
        wait_for("bytes that come back", Duration::from_secs(15), || {
            (self.shared.answered.load(Ordering::Relaxed) > before + more).then_some(())
        });
    }

    /// What was lost, each connection once.
    pub(crate) fn finish(self) -> Vec<String> {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().expect("a caller that ends"));
        std::mem::take(&mut self.shared.lost.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    fn call(&self, port: u16) {
        while !self.stop.load(Ordering::Relaxed) {
            if let Err(error) = self.talk(port) {
                self.lost.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
            }
        }
    }

    /// Sends and receives over one connection until it breaks or nobody wants more.
    fn talk(&self, port: u16) -> io::Result<()> {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10))?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        // It says who it is first.
        let mut byte = [0];
        while byte != *b"\n" {
            stream.read_exact(&mut byte)?;
        }
        while !self.stop.load(Ordering::Relaxed) {
            stream.write_all(MESSAGE)?;
            let mut answer = [0; MESSAGE.len()];
            stream.read_exact(&mut answer)?;
            if answer != MESSAGE {
                return Err(io::Error::other("other bytes came back"));
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}
