//! Connections of the node itself into the network of an instance.

use seaworthy_host::entrance::{EntranceRequest, ask};
use std::io;
use std::net::{SocketAddr, TcpStream as StdTcpStream};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};

/// A shim answers at once.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Connects to an address inside. Nobody at the entrance is a connection that is refused.
pub(crate) async fn connect(entrance: &Path, address: SocketAddr) -> io::Result<TcpStream> {
    let request = EntranceRequest::Sockets { ipv6: address.is_ipv6(), count: 1 };
    let socket = match ask_aside(entrance.to_owned(), request).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(io::ErrorKind::ConnectionRefused.into()),
        other => other?.pop().ok_or(io::ErrorKind::InvalidData)?,
    };
    TcpSocket::from_std_stream(StdTcpStream::from(socket)).connect(address).await
}

/// A copy of a listening socket that stands inside.
pub(crate) async fn listener(entrance: &Path, name: &str) -> io::Result<OwnedFd> {
    let request = EntranceRequest::Listener { name: name.to_owned() };
    ask_aside(entrance.to_owned(), request).await?.pop().ok_or_else(|| io::ErrorKind::InvalidData.into())
}

async fn ask_aside(entrance: PathBuf, request: EntranceRequest) -> io::Result<Vec<OwnedFd>> {
    let asked = tokio::task::spawn_blocking(move || ask(&entrance, &request, ANSWER_TIMEOUT)).await;
    asked.map_err(io::Error::other)?
}
