//! Connections into a network namespace: sockets that were made there connect there, wherever they are used.

use seaworthy_host::entrance::{EntranceRequest, IncomingAnswer};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream as StdTcpStream};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::io::{AsyncWriteExt as _, Interest};
use tokio::net::{TcpSocket, TcpStream, UnixStream};

/// How many sockets are asked for at once: one is used, the others wait for the next connections.
const SOCKETS_AT_ONCE: u8 = 8;

/// The way into one instance's network.
#[derive(Debug, Default)]
pub(super) struct Namespace {
    /// Sockets of the family that `ipv6` says, neither bound nor connected.
    spares: Mutex<Vec<OwnedFd>>,
    /// The instance was found to listen on ::1 and not on 127.0.0.1.
    ipv6: AtomicBool,
}

impl Namespace {
    /// A connection to a port of 127.0.0.1, else of ::1.
    pub(super) async fn connect(&self, entrance: &Path, port: u16) -> io::Result<TcpStream> {
        let ipv6 = self.ipv6.load(Ordering::Relaxed);
        let spare = self.spares().pop();
        if let Some(spare) = spare {
            match connect(spare, ipv6, port).await {
                Ok(stream) => return Ok(stream),
                // The namespace may be that of an instance that was there before: those of now come from the entrance.
                Err(_) => self.spares().clear(),
            }
        }
        let refused = match self.connect_anew(entrance, ipv6, port).await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => error,
            other => return other,
        };
        self.spares().clear();
        let stream = self.connect_anew(entrance, !ipv6, port).await.map_err(|_| refused)?;
        self.ipv6.store(!ipv6, Ordering::Relaxed);
        Ok(stream)
    }

    async fn connect_anew(&self, entrance: &Path, ipv6: bool, port: u16) -> io::Result<TcpStream> {
        let mut sockets = ask(entrance, ipv6).await?;
        let socket = sockets.pop().ok_or(io::ErrorKind::InvalidData)?;
        let stream = connect(socket, ipv6, port).await?;
        *self.spares() = sockets;
        Ok(stream)
    }

    fn spares(&self) -> MutexGuard<'_, Vec<OwnedFd>> {
        self.spares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(socket: OwnedFd, ipv6: bool, port: u16) -> io::Result<TcpStream> {
    let address: SocketAddr =
        if ipv6 { (Ipv6Addr::LOCALHOST, port).into() } else { (Ipv4Addr::LOCALHOST, port).into() };
    TcpSocket::from_std_stream(StdTcpStream::from(socket)).connect(address).await
}

/// Asks for sockets. Nobody at the entrance means nobody inside: refused.
async fn ask(entrance: &Path, ipv6: bool) -> io::Result<Vec<OwnedFd>> {
    let mut stream = match UnixStream::connect(entrance).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(io::ErrorKind::ConnectionRefused.into()),
        other => other?,
    };
    stream.write_all(&EntranceRequest::Sockets { ipv6, count: SOCKETS_AT_ONCE }.to_line()).await?;
    let mut incoming = IncomingAnswer::default();
    loop {
        if let Some(sockets) = stream.async_io(Interest::READABLE, || incoming.read(&stream)).await? {
            return Ok(sockets);
        }
    }
}
