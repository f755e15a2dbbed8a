//! Connections to an instance that wait for their next request.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The idle connections to one instance, the one that was used last on top: the rest can grow old and be closed.
#[derive(Debug, Default)]
pub struct IdleConnections {
    connections: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

impl IdleConnections {
    /// A connection that nobody closed and that has not waited longer than `age_max`.
    pub(crate) fn take(&self, now: Instant, age_max: Duration) -> Option<TcpStream> {
        let mut connections = self.lock();
        while let Some(idle) = connections.pop() {
            if now.saturating_duration_since(idle.since) > age_max {
                // All others are older still.
                connections.clear();
            } else if is_quiet(&idle.stream) {
                return Some(idle.stream);
            }
        }
        None
    }

    /// Keeps a connection on which a whole answer came in; beyond `connections_max` it is closed.
    pub(crate) fn give(&self, stream: TcpStream, now: Instant, connections_max: usize) {
        let mut connections = self.lock();
        if connections.len() < connections_max {
            connections.push(Idle { stream, since: now });
        }
    }

    /// Closes all: one of them was found dead, or the instance is gone.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Closes those that wait since before `oldest`, and those that the instance closed.
    pub fn expire(&self, oldest: Instant) {
        self.lock().retain(|idle| idle.since >= oldest && is_quiet(&idle.stream));
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Neither closed nor with bytes that nobody asked for, as far as the runtime has heard: this asks the kernel only if
/// something happened to the connection since it was read last.
fn is_quiet(stream: &TcpStream) -> bool {
    matches!(stream.try_read(&mut [0]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
}

/// The same, by asking the kernel now: for requests that cannot be sent twice.
pub(crate) fn is_quiet_now(stream: &TcpStream) -> bool {
    use nix::sys::socket::{MsgFlags, recv};
    use std::os::fd::AsRawFd;
    let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
    matches!(recv(stream.as_raw_fd(), &mut [0], flags), Err(nix::errno::Errno::EAGAIN))
}
