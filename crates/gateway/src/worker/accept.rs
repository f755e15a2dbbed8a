//! Accepting connections.

use crate::proxy::ClientStream;
use crate::table::ConnectionContext;
use crate::{Gateway, egress, log, proxy, tcp};
use nix::errno::Errno;
use seaworthy_model::routing::ListenAddress;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// How long to wait when the system has no descriptor or memory for another connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// A listening socket.
pub(crate) enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A connection that came in.
enum Accepted {
    Tcp(TcpStream, std::net::SocketAddr),
    Unix(UnixStream),
}

impl Socket {
    /// Wraps a bound, listening socket of the kind that its address says.
    pub(super) fn new(socket: OwnedFd, address: &ListenAddress) -> io::Result<Self> {
        match address {
            ListenAddress::Tcp(_) | ListenAddress::Sandboxed { .. } => {
                let listener = std::net::TcpListener::from(socket);
                listener.set_nonblocking(true)?;
                Ok(Self::Tcp(TcpListener::from_std(listener)?))
            }
            ListenAddress::Unix(_) => {
                let listener = std::os::unix::net::UnixListener::from(socket);
                listener.set_nonblocking(true)?;
                Ok(Self::Unix(UnixListener::from_std(listener)?))
            }
        }
    }

    async fn accept(&self) -> io::Result<Accepted> {
        match self {
            Self::Tcp(listener) => listener.accept().await.map(|(stream, peer)| Accepted::Tcp(stream, peer)),
            Self::Unix(listener) => listener.accept().await.map(|(stream, _)| Accepted::Unix(stream)),
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(listener) => listener.as_fd(),
            Self::Unix(listener) => listener.as_fd(),
        }
    }
}

/// Accepts on a listener until it is stopped. There is a place for every connection that is accepted; without one they
/// wait in the backlog.
pub(super) async fn accept(
    gateway: Arc<Gateway>,
    listener: Arc<str>,
    socket: Arc<Socket>,
    places: Arc<Semaphore>,
    stop: CancellationToken,
) {
    loop {
        let next = async {
            let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
            Ok((place, socket.accept().await?))
        };
        let next: io::Result<_> = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            next = next => next,
        };
        match next {
            Ok((place, accepted)) => _ = tokio::spawn(serve(gateway.clone(), listener.clone(), accepted, place)),
            Err(error) if is_exhausted(&error) => {
                log::line("worker", format_args!("listener `{listener}` cannot accept: {error}"));
                tokio::time::sleep(EXHAUSTED_PAUSE).await;
            }
            // The connection was gone before it was accepted; the next one is not.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

fn is_exhausted(error: &io::Error) -> bool {
    let number = error.raw_os_error().map(Errno::from_raw);
    matches!(number, Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::ENOBUFS))
}

async fn serve(gateway: Arc<Gateway>, listener: Arc<str>, accepted: Accepted, place: OwnedSemaphorePermit) {
    match accepted {
        Accepted::Tcp(stream, peer) => {
            let _ = stream.set_nodelay(true);
            serve_stream(stream, ConnectionContext::new(listener, Some(peer)), gateway).await;
        }
        Accepted::Unix(stream) => serve_stream(stream, ConnectionContext::new(listener, None), gateway).await,
    }
    drop(place);
}

async fn serve_stream<S: ClientStream>(stream: S, mut context: ConnectionContext, gateway: Arc<Gateway>) {
    let egress = gateway.table().egress(&mut context);
    if let Some(route) = egress {
        return egress::serve(stream, &context, &route, &gateway).await;
    }
    let carries_bytes = gateway.table().tcp_pool(&mut context).is_some();
    if carries_bytes {
        tcp::forward(stream, context, &gateway).await;
    } else {
        proxy::connection::serve(stream, gateway, context).await;
    }
}
