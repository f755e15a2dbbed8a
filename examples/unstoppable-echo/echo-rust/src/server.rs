//! Accepts connections, a thread for each, and stops without cutting off a request.

use std::collections::HashMap;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::connection;
use crate::log::{Level, Log};

/// A connection beyond these is closed at once.
const CONNECTIONS_MAX: usize = 1024;
const STACK_BYTES: usize = 128 * 1024;
/// How long to wait after `accept` failed, which means that descriptors or memory ran out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub struct Server {
    address: SocketAddr,
    connections: Arc<Connections>,
    acceptor: JoinHandle<()>,
}

impl Server {
    pub fn start(listener: TcpListener, log: Log) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let connections = Arc::new(Connections::default());
        let shared = Arc::clone(&connections);
        let acceptor = thread::Builder::new().spawn(move || accept(&listener, &shared, log))?;
        Ok(Self { address, connections, acceptor })
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, closes what is idle, waits for the rest, and returns how many connections did not end.
    pub fn stop(self, grace: Duration) -> usize {
        self.connections.stop();
        // `accept` sees the mark when it returns, and this connection makes it return.
        if TcpStream::connect(self.address).is_ok() {
            let _ = self.acceptor.join();
        }
        self.connections.wait_until_closed(grace)
    }
}

fn accept(listener: &TcpListener, connections: &Arc<Connections>, log: Log) {
    loop {
        let accepted = listener.accept();
        if connections.lock().stopping {
            return;
        }
        match accepted {
            Ok((stream, _)) => {
                let Some(slot) = connections.enter(stream) else { continue };
                let serve = move || connection::serve(&slot, log);
                if let Err(error) = thread::Builder::new().stack_size(STACK_BYTES).spawn(serve) {
                    log.event(Level::Error, &format!("no thread for a connection: {error}"));
                }
            }
            Err(error) => {
                log.event(Level::Error, &format!("cannot accept a connection: {error}"));
                thread::sleep(ACCEPT_PAUSE);
            }
        }
    }
}

/// The open connections, so that those that rest can be closed when the service stops.
#[derive(Default)]
struct Connections {
    state: Mutex<State>,
    closed: Condvar,
}

#[derive(Default)]
struct State {
    stopping: bool,
    next_id: u64,
    open: HashMap<u64, Open>,
}

struct Open {
    stream: Arc<TcpStream>,
    resting: bool,
}

/// One connection's place among the open ones; dropping it closes the connection.
pub struct Slot {
    connections: Arc<Connections>,
    stream: Arc<TcpStream>,
    id: u64,
}

impl Connections {
    fn enter(self: &Arc<Self>, stream: TcpStream) -> Option<Slot> {
        let mut state = self.lock();
        if state.open.len() >= CONNECTIONS_MAX {
            return None;
        }
        let (id, stream) = (state.next_id, Arc::new(stream));
        state.next_id += 1;
        state.open.insert(id, Open { stream: Arc::clone(&stream), resting: false });
        Some(Slot { connections: Arc::clone(self), stream, id })
    }

    fn stop(&self) {
        let mut state = self.lock();
        state.stopping = true;
        for open in state.open.values().filter(|open| open.resting) {
            end_input(&open.stream);
        }
    }

    fn wait_until_closed(&self, grace: Duration) -> usize {
        let waited = self.closed.wait_timeout_while(self.lock(), grace, |state| !state.open.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).0.open.len()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub fn stopping(&self) -> bool {
        self.connections.lock().stopping
    }

    /// Between requests: from here on, a stopping service ends the connection.
    pub fn rest(&self) {
        let mut state = self.connections.lock();
        if let Some(open) = state.open.get_mut(&self.id) {
            open.resting = true;
        }
        if state.stopping {
            end_input(&self.stream);
        }
    }

    /// A request has begun: it will be answered.
    pub fn work(&self) {
        if let Some(open) = self.connections.lock().open.get_mut(&self.id) {
            open.resting = false;
        }
    }
}

/// What the kernel already holds can still be read, and is served; then comes the end.
fn end_input(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Read);
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.connections.lock().open.remove(&self.id);
        self.connections.closed.notify_all();
    }
}
