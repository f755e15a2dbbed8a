//! A client's connection: one request after another.

use super::answer::{self, OwnAnswer};
use super::client::{Client, ClientStream};
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::record::Record;
use super::timer::Timer;
use crate::Gateway;
use crate::http1::{Framing, HeadError, RequestDecoder, RequestHead, ResponseHead, Version};
use crate::table::ConnectionContext;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio_util::sync::WaitForCancellationFutureOwned;

/// Serves a connection to its end.
pub async fn serve<S: ClientStream>(stream: S, gateway: Arc<Gateway>, context: ConnectionContext) {
    Session::new(stream, gateway, context).run().await;
}

/// How a connection goes on after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// With the next request.
    KeepAlive,
    /// It ends, and the client sees all that was written.
    Close,
    /// It ends at once: the client is gone.
    Drop,
    /// It ends at once, as a failure: the client must not take what it got for the whole.
    Fail,
}

/// Everything that belongs to one client connection. Its buffers serve one request after another.
pub(super) struct Session<S> {
    pub(super) gateway: Arc<Gateway>,
    pub(super) context: ConnectionContext,
    pub(super) client: Client<S>,
    pub(super) request: RequestHead,
    pub(super) response: ResponseHead,
    pub(super) from_upstream: Incoming,
    pub(super) to_upstream: Outgoing,
    pub(super) timer: Timer,
    decoder: RequestDecoder,
    draining: Pin<Box<WaitForCancellationFutureOwned>>,
    is_draining: bool,
    /// It gave back the memory that it does not need while it is idle.
    is_resting: bool,
    requests: u64,
}

/// What came while the connection waited for a request.
enum Arrival {
    Request,
    Refused(HeadError),
    /// Nothing came, or not all of it.
    Late,
    Closed,
}

impl<S: ClientStream> Session<S> {
    fn new(stream: S, gateway: Arc<Gateway>, context: ConnectionContext) -> Self {
        let limits = &gateway.limits;
        let bytes_max = limits.buffer_bytes_max.max(limits.head_bytes_max);
        Self {
            client: Client::new(stream, limits),
            from_upstream: Incoming::new(bytes_max),
            timer: Timer::new(Instant::now() + limits.idle_timeout),
            draining: Box::pin(gateway.draining.clone().cancelled_owned()),
            gateway,
            context,
            request: RequestHead::default(),
            response: ResponseHead::default(),
            to_upstream: Outgoing::default(),
            decoder: RequestDecoder::default(),
            is_draining: false,
            is_resting: true,
            requests: 0,
        }
    }

    async fn run(mut self) {
        loop {
            let next = match self.next_request().await {
                Arrival::Request => self.serve_request().await,
                Arrival::Refused(error) => {
                    let reason = if error.status() == 400 { "bad-request" } else { "refused" };
                    self.refuse(OwnAnswer::new(error.status(), reason, error.message()))
                }
                Arrival::Late if self.decoder.has_begun() => self.refuse(OwnAnswer::TIMEOUT),
                Arrival::Late | Arrival::Closed => Next::Drop,
            };
            match next {
                Next::KeepAlive => {}
                Next::Close => return self.client.linger(&self.gateway.limits).await,
                Next::Drop => return,
                Next::Fail => return self.client.stream.fail(),
            }
        }
    }

    async fn serve_request(&mut self) -> Next {
        self.requests += 1;
        let mut record = Record::new(Instant::now());
        let next = self.answer_request(&mut record).await;
        let now = Instant::now();
        record.close(&self.gateway, Some(&self.request), self.context.peer(), now);
        self.timer.set(now + self.gateway.limits.rest_after);
        self.is_resting = false;
        next
    }

    /// Whether the connection ends after the answer to the request of now.
    pub(super) fn closes(&self) -> bool {
        self.request.connection.close
            || self.request.version == Version::Http10
            || self.is_draining
            || self.requests >= self.gateway.limits.requests_per_connection_max
            || self.gateway.draining.is_cancelled()
    }

    /// Answers in place of an instance. What is left of a body is not read: the connection ends if there may be any.
    pub(super) async fn own_answer(&mut self, answer: OwnAnswer, record: &mut Record) -> Next {
        record.own(answer);
        let close = self.closes() || !matches!(self.request.framing, Framing::None | Framing::Length(0));
        answer::write(self.client.outgoing.bytes_mut(), answer, Some(&self.request), close);
        self.flush(close).await
    }

    /// Writes what is pending, within the time that a client may take for it.
    pub(super) async fn flush(&mut self, close: bool) -> Next {
        let due = Instant::now() + self.gateway.limits.write_stall_timeout;
        match (self.timer.limit(due, self.client.flush()).await, close) {
            (Some(Ok(())), false) => Next::KeepAlive,
            (Some(Ok(())), true) => Next::Close,
            (Some(Err(_)) | None, _) => Next::Drop,
        }
    }

    /// Answers what is no request.
    fn refuse(&mut self, answer: OwnAnswer) -> Next {
        let now = Instant::now();
        let mut record = Record::new(now);
        record.own(answer);
        record.close(&self.gateway, None, self.context.peer(), now);
        answer::write(self.client.outgoing.bytes_mut(), answer, None, true);
        Next::Close
    }

    /// Waits for the head of the next request. The timer is set already.
    async fn next_request(&mut self) -> Arrival {
        let mut begun = false;
        let arrival = poll_fn(|context| self.poll_request(context, &mut begun)).await;
        if let Arrival::Request = arrival {
            self.client.outgoing.begin(None);
        }
        arrival
    }

    fn poll_request(&mut self, context: &mut Context<'_>, begun: &mut bool) -> Poll<Arrival> {
        loop {
            match self.decoder.decode(self.client.incoming.bytes(), &self.gateway.limits, &mut self.request) {
                Err(error) => return Poll::Ready(Arrival::Refused(error)),
                Ok(Some(length)) => {
                    self.client.incoming.consume(length);
                    return Poll::Ready(Arrival::Request);
                }
                Ok(None) => {}
            }
            if !*begun && self.decoder.has_begun() {
                *begun = true;
                self.timer.set(Instant::now() + self.gateway.limits.head_timeout);
            }
            match self.client.incoming.poll_fill(context, &mut self.client.stream) {
                Poll::Ready(Ok(length)) if length > 0 => {}
                Poll::Ready(_) => return Poll::Ready(Arrival::Closed),
                Poll::Pending => break,
            }
        }
        if !self.is_draining && self.draining.as_mut().poll(context).is_ready() {
            self.is_draining = true;
            if !*begun {
                self.timer.set(Instant::now() + self.gateway.limits.drain_idle_timeout);
            }
        }
        while self.timer.poll_due(context).is_ready() {
            if self.is_resting || *begun || self.is_draining {
                return Poll::Ready(Arrival::Late);
            }
            self.rest();
        }
        Poll::Pending
    }

    /// Gives memory back before what may be a long wait.
    fn rest(&mut self) {
        self.is_resting = true;
        self.client.incoming.shrink();
        self.client.outgoing.shrink();
        self.from_upstream.shrink();
        self.to_upstream.shrink();
        self.request.shrink();
        self.response.shrink();
        let limits = &self.gateway.limits;
        self.timer.set(Instant::now() + limits.idle_timeout.saturating_sub(limits.rest_after));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::AccessLog;
    use crate::limits::Limits;

    /// Buffers come on top only while requests are under way.
    #[tokio::test]
    async fn an_idle_connection_takes_little_memory() {
        let (stream, _other) = tokio::net::UnixStream::pair().expect("two sockets");
        let gateway = Gateway::new(AccessLog::default(), Limits::default());
        let serving = serve(stream, gateway, ConnectionContext::new(Arc::from("public"), None));
        let bytes = size_of_val(&serving);
        assert!(bytes < 6 * 1024, "{bytes}");
    }
}
