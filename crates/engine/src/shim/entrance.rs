//! The entrance to the instance's network: the gateway gets sockets here, and nothing else.

use crate::wire::Network;
#[cfg(target_os = "linux")]
use seaworthy_host::entrance::SOCKETS_MAX;
use seaworthy_host::entrance::{EntranceRequest, LINE_BYTES_MAX, answer};
use seaworthy_host::{files, peer};
use std::io::{self, Read as _};
use std::net::TcpListener;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;

/// The most connections at once; one more pushes the oldest out. Each is there for one question.
const CONNECTIONS_MAX: usize = 64;

pub(super) struct Entrance {
    listener: UnixListener,
    path: PathBuf,
    /// Who may ask beside root and the shim's own user.
    gateway: Option<u32>,
    listeners: Vec<(String, TcpListener)>,
    connections: Vec<Connection>,
}

struct Connection {
    stream: UnixStream,
    line: Vec<u8>,
    closed: bool,
}

impl Entrance {
    /// Opens it, over listeners that stand already. What lies there is of a shim that is dead.
    pub(super) fn open(network: &Network, listeners: Vec<(String, TcpListener)>) -> io::Result<Self> {
        let path = network.entrance.clone();
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        files::set_mode(&path, 0o600).map_err(io::Error::other)?;
        if let Some(user) = network.gateway {
            files::change_owner(&path, user, user).map_err(io::Error::other)?;
        }
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path, gateway: network.gateway, listeners, connections: Vec::new() })
    }

    /// What to poll for reading.
    pub(super) fn descriptors(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        std::iter::once(self.listener.as_fd()).chain(self.connections.iter().map(|c| c.stream.as_fd()))
    }

    /// Takes who comes and answers who asks; waits for nobody.
    pub(super) fn serve(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            let allowed = peer::credentials(&stream)
                .is_ok_and(|peer| peer.uid == 0 || peer.uid == peer::effective_uid() || Some(peer.uid) == self.gateway);
            if !allowed || stream.set_nonblocking(true).is_err() {
                continue;
            }
            if self.connections.len() >= CONNECTIONS_MAX {
                self.connections.remove(0);
            }
            self.connections.push(Connection { stream, line: Vec::new(), closed: false });
        }
        for connection in &mut self.connections {
            if let Some(line) = connection.read() {
                connection.closed |= give(&connection.stream, &line, &self.listeners).is_err();
            }
        }
        self.connections.retain(|connection| !connection.closed);
    }
}

impl Drop for Entrance {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

impl Connection {
    /// A whole line, if there is one.
    fn read(&mut self) -> Option<Vec<u8>> {
        let mut buffer = [0; 512];
        loop {
            if let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
                return Some(self.line.drain(..=end).collect());
            }
            if self.line.len() > LINE_BYTES_MAX {
                self.closed = true;
                return None;
            }
            match self.stream.read(&mut buffer) {
                Ok(length) if length > 0 => self.line.extend_from_slice(&buffer[..length]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Ok(_) | Err(_) => {
                    self.closed = true;
                    return None;
                }
            }
        }
    }
}

fn give(stream: &UnixStream, line: &[u8], listeners: &[(String, TcpListener)]) -> io::Result<()> {
    match EntranceRequest::from_line(line) {
        Ok(EntranceRequest::Sockets { ipv6, count }) => match sockets(ipv6, count) {
            Ok(sockets) => answer(stream, Ok(&sockets.iter().map(OwnedFd::as_fd).collect::<Vec<_>>())),
            Err(error) => answer(stream, Err(error.to_string())),
        },
        Ok(EntranceRequest::Listener { name }) => match listeners.iter().find(|(known, _)| *known == name) {
            Some((_, listener)) => answer(stream, Ok(&[listener.as_fd()])),
            None => answer(stream, Err(format!("there is no listener `{name}`"))),
        },
        Err(why) => answer(stream, Err(why)),
    }
}

/// Sockets of this process's network, which is the instance's.
#[cfg(target_os = "linux")]
fn sockets(ipv6: bool, count: u8) -> io::Result<Vec<OwnedFd>> {
    (0..count.clamp(1, SOCKETS_MAX)).map(|_| crate::linux::network::stream_socket(ipv6)).collect()
}

#[cfg(not(target_os = "linux"))]
fn sockets(_: bool, _: u8) -> io::Result<Vec<OwnedFd>> {
    Err(io::ErrorKind::Unsupported.into())
}
