//! The client's side of a connection.

use super::incoming::Incoming;
use super::outgoing::Outgoing;
use crate::limits::Limits;
use std::io;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

/// A connection that a client made: TCP, or the Unix socket of a pinned listener.
pub trait ClientStream: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// Makes the end of the connection look like a failure, where the kind of connection can tell.
    fn fail(&self);
}

impl ClientStream for TcpStream {
    fn fail(&self) {
        let _ = self.set_zero_linger();
    }
}

impl ClientStream for UnixStream {
    fn fail(&self) {}
}

/// The stream and what waits to be read and written.
#[derive(Debug)]
pub(super) struct Client<S> {
    pub(super) stream: S,
    pub(super) incoming: Incoming,
    pub(super) outgoing: Outgoing,
}

/// The client closed its connection, or does not take what is there for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Gone;

impl<S: ClientStream> Client<S> {
    pub(super) fn new(stream: S, limits: &Limits) -> Self {
        let bytes_max = limits.buffer_bytes_max.max(limits.head_bytes_max);
        Self { stream, incoming: Incoming::new(bytes_max), outgoing: Outgoing::default() }
    }

    /// Notices that the client is gone while there is nothing else to do with it. What it sends meanwhile (the next
    /// request) is kept, up to a bound.
    ///
    /// A client that only ends its own direction looks the same and is taken for gone: few do, and an instance must
    /// not go on working for somebody who does not wait.
    pub(super) fn watch(&mut self, context: &mut Context<'_>) -> Result<(), Gone> {
        while !self.incoming.is_ahead() {
            match self.incoming.poll_fill(context, &mut self.stream) {
                Poll::Pending => break,
                Poll::Ready(Ok(length)) if length > 0 => {}
                Poll::Ready(_) => return Err(Gone),
            }
        }
        Ok(())
    }

    /// The outcome of `future`, unless the client is gone before.
    pub(super) async fn while_here<F: Future>(&mut self, future: F) -> Result<F::Output, Gone> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Ok(output)),
            Poll::Pending => match self.watch(context) {
                Ok(()) => Poll::Pending,
                Err(gone) => Poll::Ready(Err(gone)),
            },
        })
        .await
    }

    /// Writes all that is pending.
    pub(super) async fn flush(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| self.outgoing.poll_write(context, &mut self.stream)).await
    }

    /// Ends the connection so that the client sees what was written last (RFC 9112 section 9.6): closing while bytes
    /// come in would make the system send a reset, which destroys them.
    pub(super) async fn linger(&mut self, limits: &Limits) {
        let until = Instant::now() + limits.linger_timeout;
        let _ = tokio::time::timeout_at(until.into(), async {
            self.flush().await?;
            self.stream.shutdown().await?;
            let mut rest = [0; 4096];
            let mut total = 0;
            while total < limits.linger_bytes_max {
                match self.stream.read(&mut rest).await? {
                    0 => break,
                    length => total += length,
                }
            }
            io::Result::Ok(())
        })
        .await;
    }
}
