//! The control socket: who is connected, what they asked, and what they are told.

use crate::wire::{Message, Request};
use seaworthy_host::{files, peer};
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

/// The most connections at once; one more pushes the oldest out, so that nobody can lock the node out.
const CONNECTIONS_MAX: usize = 16;
/// The longest request.
const REQUEST_BYTES_MAX: usize = 16 * 1024;

pub(super) struct Control {
    listener: UnixListener,
    path: PathBuf,
    connections: Vec<Connection>,
    next_id: u64,
}

pub(super) struct Connection {
    id: u64,
    stream: UnixStream,
    input: Vec<u8>,
    subscribed: bool,
    closed: bool,
}

/// A request, and whom to answer.
pub(super) struct Asked {
    pub(super) connection: u64,
    /// `Err`: it could not be read; why.
    pub(super) request: Result<Request, String>,
}

impl Control {
    /// Listens; what lies there is of a shim that is dead, because the caller holds the instance's lock.
    pub(super) fn listen(path: &Path) -> io::Result<Self> {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(path)?;
        files::set_mode(path, 0o600).map_err(io::Error::other)?;
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.to_owned(), connections: Vec::new(), next_id: 0 })
    }

    /// What to poll for reading: the listener, then every connection.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.listener.as_fd()).chain(self.connections.iter().map(|c| c.stream.as_fd()))
    }

    /// Takes new connections and reads what all of them ask.
    pub(super) fn read(&mut self) -> Vec<Asked> {
        while let Ok((stream, _)) = self.listener.accept() {
            self.admit(stream);
        }
        let asked = self.connections.iter_mut().flat_map(Connection::read).collect();
        self.connections.retain(|connection| !connection.closed);
        asked
    }

    fn admit(&mut self, stream: UnixStream) {
        let allowed = peer::credentials(&stream).is_ok_and(|c| c.uid == 0 || c.uid == peer::effective_uid());
        if !allowed || stream.set_nonblocking(true).is_err() {
            return;
        }
        if self.connections.len() >= CONNECTIONS_MAX {
            self.connections.remove(0);
        }
        self.next_id += 1;
        let id = self.next_id;
        self.connections.push(Connection { id, stream, input: Vec::new(), subscribed: false, closed: false });
    }

    /// Sends every event to this connection from now on.
    pub(super) fn subscribe(&mut self, id: u64) {
        self.connections.iter_mut().filter(|c| c.id == id).for_each(|c| c.subscribed = true);
    }

    /// Answers one connection.
    pub(super) fn answer(&mut self, id: u64, message: &Message) {
        self.send(message, |connection| connection.id == id);
    }

    /// Tells everybody who wants to know.
    pub(super) fn publish(&mut self, message: &Message) {
        self.send(message, |connection| connection.subscribed);
    }

    fn send(&mut self, message: &Message, whom: impl Fn(&Connection) -> bool) {
        let Ok(mut line) = serde_json::to_vec(message) else { return };
        line.push(b'\n');
        for connection in self.connections.iter_mut().filter(|c| whom(c)) {
            // A socket's buffer holds hundreds of lines: who lets it fill up does not read, and has to come again.
            connection.closed |= connection.stream.write_all(&line).is_err();
        }
        self.connections.retain(|connection| !connection.closed);
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Connection {
    fn read(&mut self) -> Vec<Asked> {
        let mut buffer = [0; 4096];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.closed = true,
                Ok(length) => self.input.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => self.closed = true,
            }
            if self.closed || self.input.len() > REQUEST_BYTES_MAX {
                break;
            }
        }
        let mut asked = Vec::new();
        while let Some(end) = self.input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.input.drain(..=end).collect();
            let request = serde_json::from_slice(&line).map_err(|error| error.to_string());
            asked.push(Asked { connection: self.id, request });
        }
        self.closed |= self.input.len() > REQUEST_BYTES_MAX;
        asked
    }
}
