//! The registry's own port: loopback only, so many connections, and none that says nothing.

use crate::Registry;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How long the head of a request may take to arrive.
const HEAD_TIME_MAX: Duration = Duration::from_secs(30);
/// Connections for each call that is answered at once: some wait between two calls.
const CONNECTIONS_PER_CALL: usize = 4;
/// How long to wait when the system has no descriptor left for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A port of the loopback that is listened on.
#[derive(Debug)]
pub struct Listener(TcpListener);

impl Listener {
    /// Listens on a port of 127.0.0.1; 0: any that is free.
    ///
    /// # Errors
    /// When it is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map(Self)
    }

    /// Where it is reached.
    ///
    /// # Errors
    /// What `getsockname(2)` says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// Answers everything that comes to the port, until this is dropped.
pub async fn serve(listener: Listener, registry: Registry) {
    let room = Arc::new(Semaphore::new(registry.calls_max() * CONNECTIONS_PER_CALL));
    loop {
        let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.0.accept().await else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let service = TowerToHyperService::new(registry.router());
        tokio::spawn(async move {
            let _place = place;
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIME_MAX);
            // A connection that breaks is its client's affair.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
