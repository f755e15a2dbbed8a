//! Requests whose whole answer is wanted at once: the legs of a fan-out.

use super::answer::OwnAnswer;
use super::attempt::{Answering, Courier, Failure, Tries};
use super::client::{Client, ClientStream};
use super::exchange::{Exchange, NoEnd};
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::timer::Timer;
use super::transfer::Transfer;
use crate::http1::{Framing, Method, ResponseHead, Version};
use crate::limits::Limits;
use crate::pool::{EndpointState, Patience, PoolState};
use bytes::Bytes;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A whole request as instances get it.
#[derive(Debug, Clone)]
pub struct PreparedRequest {
    /// Its method.
    pub method: Method,
    /// Head and body.
    pub(super) bytes: Bytes,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct BufferedAnswer {
    /// Its head.
    pub head: ResponseHead,
    /// Its content.
    pub body: Bytes,
    /// Who gave it.
    pub endpoint: Arc<EndpointState>,
}

/// Why there is no whole answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ExchangeError {
    /// The table has changed: nothing was sent.
    #[error("the route has changed")]
    Rerouted,
    /// The gateway would have answered with this status.
    #[error("{message}")]
    Refused {
        /// 502, 503 or 504.
        status: u16,
        /// Why.
        message: &'static str,
    },
    /// The answer broke off.
    #[error("the answer broke off")]
    Truncated,
    /// The answer is larger than may be held.
    #[error("the answer is too large")]
    TooLarge,
    /// The deadline passed.
    #[error("no answer in time")]
    TimedOut,
}

/// Sends a request to a pool and holds its whole answer, of at most `body_bytes_max` bytes of content, until
/// `deadline`.
///
/// # Errors
/// When there is no such answer. A request that was sent may have been carried out all the same.
pub async fn buffered(
    pool: &Arc<PoolState>,
    request: &PreparedRequest,
    patience: &mut Patience,
    limits: &Limits,
    deadline: Instant,
    body_bytes_max: usize,
) -> Result<BufferedAnswer, ExchangeError> {
    let exchange = exchange(pool, request, patience, limits, body_bytes_max);
    tokio::time::timeout_at(deadline.into(), exchange).await.unwrap_or(Err(ExchangeError::TimedOut))
}

async fn exchange(
    pool: &Arc<PoolState>,
    request: &PreparedRequest,
    patience: &mut Patience,
    limits: &Limits,
    body_bytes_max: usize,
) -> Result<BufferedAnswer, ExchangeError> {
    let now = Instant::now();
    let mut client = Client::new(Collector { body: Vec::new(), bytes_max: body_bytes_max }, limits);
    let mut from_upstream = Incoming::new(limits.buffer_bytes_max.max(limits.head_bytes_max));
    let mut to_upstream = Outgoing::default();
    to_upstream.begin(Some(request.bytes.len())).extend_from_slice(&request.bytes);
    let mut timer = Timer::new(now + limits.answer_timeout);
    let mut response = ResponseHead::default();
    let mut courier = Courier {
        client: &mut client,
        from_upstream: &mut from_upstream,
        to_upstream: &mut to_upstream,
        timer: &mut timer,
        limits,
        response: &mut response,
        upload: Transfer::new(Framing::None, false, 0, limits),
        method: request.method,
        version: Version::Http10,
        since: now,
        answer_timeout: limits.answer_timeout,
        // The others answer: this one need not.
        retry_patience: Duration::ZERO,
        tries: Tries::default(),
    };
    let Answering { lease, mut stream, send_failed } = courier.deliver(pool, patience).await.map_err(error)?;
    let mut upload = courier.upload;
    if response.status == 101 {
        return Err(error(Failure::Own(OwnAnswer::BAD_ANSWER)));
    }
    let mut download = Transfer::new(response.framing, false, u64::MAX, limits);
    let mut exchange = Exchange {
        client: &mut client,
        upstream: &mut stream,
        from_upstream: &mut from_upstream,
        to_upstream: &mut to_upstream,
        upload: &mut upload,
        timer: &mut timer,
        limits,
        pool: lease.pool(),
        response: &mut response,
        method: request.method,
        version: Version::Http10,
        since: now,
        answer_timeout: limits.answer_timeout,
        send_failed,
        active: false,
    };
    exchange.answer(&mut download).await.map_err(|end| match end {
        NoEnd::Gone => ExchangeError::TooLarge,
        NoEnd::Truncated | NoEnd::Silent | NoEnd::BadRequest | NoEnd::Drained => ExchangeError::Truncated,
    })?;
    if exchange.is_reusable() {
        lease.endpoint().idle.give(stream, now, limits.idle_upstream_connections_max);
    }
    Ok(BufferedAnswer { head: response, body: client.stream.body.into(), endpoint: lease.endpoint().clone() })
}

fn error(failure: Failure) -> ExchangeError {
    match failure {
        Failure::Rerouted => ExchangeError::Rerouted,
        // The collector never is.
        Failure::Gone => ExchangeError::TooLarge,
        Failure::Own(OwnAnswer { status, message, .. }) => ExchangeError::Refused { status, message },
    }
}

/// In the client's place: it says nothing, never leaves, and keeps what it gets.
struct Collector {
    body: Vec<u8>,
    bytes_max: usize,
}

impl ClientStream for Collector {
    fn fail(&self) {}
}

impl AsyncRead for Collector {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Collector {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.body.len() + bytes.len() > self.bytes_max {
            return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
        }
        self.body.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
