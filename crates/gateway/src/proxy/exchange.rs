//! One request and its answer between a client and one connection to an instance, both bodies at once.

use super::answer::OwnAnswer;
use super::client::{Client, ClientStream, Gone};
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::response;
use super::timer::Timer;
use super::transfer::{Advance, Transfer, TransferError};
use crate::http1::{Framing, Method, ResponseDecoder, ResponseHead, Version};
use crate::limits::Limits;
use crate::pool::PoolState;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// How often an exchange looks whether it has outlived its pool's drain time.
const CLOSING_LOOK: Duration = Duration::from_millis(500);

/// How an exchange ended before its answer's head was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoHead {
    /// The client is gone.
    Gone,
    /// The connection to the instance ended without a byte of an answer.
    Broken,
    /// The gateway answers itself, and the client's connection ends: its request may not be at its end.
    Own(OwnAnswer),
}

/// How an answer ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoEnd {
    /// The client is gone, or takes nothing.
    Gone,
    /// The instance broke off.
    Truncated,
    /// The instance fell silent.
    Silent,
    /// The request's body, which was still coming, is malformed or too large.
    BadRequest,
    /// It outlived the drain time of its pool.
    Drained,
}

/// Both connections and what is between them.
pub(super) struct Exchange<'a, S> {
    pub(super) client: &'a mut Client<S>,
    pub(super) upstream: &'a mut TcpStream,
    pub(super) from_upstream: &'a mut Incoming,
    pub(super) to_upstream: &'a mut Outgoing,
    pub(super) upload: &'a mut Transfer,
    pub(super) timer: &'a mut Timer,
    pub(super) limits: &'a Limits,
    /// Where the instance is one of: what outlives the pool's drain time ends.
    pub(super) pool: &'a PoolState,
    pub(super) response: &'a mut ResponseHead,
    pub(super) method: Method,
    pub(super) version: Version,
    /// From here the time for the answer's head counts, if the request was sent at once.
    pub(super) since: Instant,
    pub(super) answer_timeout: Duration,
    /// The instance takes no more of the request; its answer may be there all the same.
    pub(super) send_failed: bool,
    /// Something moved since the timer was last set.
    pub(super) active: bool,
}

/// What is known of an answer whose head is awaited.
#[derive(Default)]
struct Awaited {
    decoder: ResponseDecoder,
    interim: usize,
    received: bool,
}

impl<S: ClientStream> Exchange<'_, S> {
    /// Sends the request and waits for the head of the final answer. Interim answers go to the client.
    pub(super) async fn head(&mut self) -> Result<(), NoHead> {
        let mut awaited = Awaited::default();
        let timeout = self.answer_timeout;
        let mut due = self.since + timeout;
        self.wake_by(self.since, due);
        let mut sending = false;
        poll_fn(|context| {
            if let Poll::Ready(end) = self.poll_head(context, &mut awaited) {
                return Poll::Ready(end);
            }
            if self.is_sent() == sending {
                // From now on the other side is waited for.
                sending = !sending;
                let period = if sending { self.stall_period() } else { timeout };
                let now = Instant::now();
                due = now + period;
                self.wake_by(now, due);
            }
            while self.timer.poll_due(context).is_ready() {
                let now = Instant::now();
                if self.pool.is_closing() {
                    return Poll::Ready(Err(NoHead::Own(OwnAnswer::DRAINED)));
                }
                if now >= due {
                    if !sending || !std::mem::take(&mut self.active) {
                        return Poll::Ready(Err(NoHead::Own(self.who_stalls())));
                    }
                    due = now + self.stall_period();
                }
                self.wake_by(now, due);
            }
            Poll::Pending
        })
        .await
    }

    /// Sends the body of an answer whose head is in the client's buffer, to its last byte.
    pub(super) async fn answer(&mut self, download: &mut Transfer) -> Result<(), NoEnd> {
        let period = self.stall_period();
        let mut quiet = None;
        let mut due = self.since;
        poll_fn(|context| {
            if let Poll::Ready(end) = self.poll_answer(context, download) {
                return Poll::Ready(end);
            }
            if quiet.is_none() {
                quiet = Some(Duration::ZERO);
                let now = Instant::now();
                due = now + period;
                self.wake_by(now, due);
            }
            while self.timer.poll_due(context).is_ready() {
                let now = Instant::now();
                if self.pool.is_closing() {
                    return Poll::Ready(Err(NoEnd::Drained));
                }
                if now < due {
                    self.wake_by(now, due);
                    continue;
                }
                let so_far =
                    if std::mem::take(&mut self.active) { Duration::ZERO } else { quiet.unwrap_or_default() + period };
                quiet = Some(so_far);
                if self.client.outgoing.pending() > 0 && so_far >= self.limits.write_stall_timeout {
                    return Poll::Ready(Err(NoEnd::Gone));
                } else if so_far >= self.limits.answer_stall_timeout {
                    return Poll::Ready(Err(NoEnd::Silent));
                }
                due = now + period;
                self.wake_by(now, due);
            }
            Poll::Pending
        })
        .await
    }

    /// Whether the instance has the whole request, or will take no more of it.
    pub(super) fn is_sent(&self) -> bool {
        self.send_failed || (self.upload.is_done() && self.to_upstream.pending() == 0)
    }

    /// Whether the instance's connection can carry another request: nothing is left of this one.
    pub(super) fn is_reusable(&self) -> bool {
        self.is_sent()
            && !self.send_failed
            && !self.instance_closes()
            && !self.response.announces_impossible_body
            && self.from_upstream.bytes().is_empty()
    }

    /// Whether the instance said that its connection ends with this answer.
    pub(super) fn instance_closes(&self) -> bool {
        let response = &self.response;
        response.version != Version::Http11 || response.connection.close || response.framing == Framing::UntilClose
    }

    /// Sets the timer to `due`, or to when it is time to look whether the pool is closing: to watch for that otherwise
    /// would cost every request.
    fn wake_by(&mut self, now: Instant, due: Instant) {
        self.timer.set(due.min(now + CLOSING_LOOK));
    }

    fn stall_period(&self) -> Duration {
        let limits = self.limits;
        limits.body_stall_timeout.min(limits.write_stall_timeout).min(limits.answer_stall_timeout)
    }

    fn who_stalls(&self) -> OwnAnswer {
        let client = !self.upload.is_done() && self.to_upstream.pending() == 0;
        if client && !self.send_failed { OwnAnswer::TIMEOUT } else { OwnAnswer::NO_ANSWER }
    }

    fn poll_head(&mut self, context: &mut Context<'_>, awaited: &mut Awaited) -> Poll<Result<(), NoHead>> {
        self.push_request(context)?;
        loop {
            let bytes = self.from_upstream.bytes();
            let decoded = awaited.decoder.decode(bytes, self.limits, self.method, self.response);
            match decoded {
                Err(_) => return Poll::Ready(Err(NoHead::Own(OwnAnswer::BAD_ANSWER))),
                Ok(Some(length)) => {
                    self.from_upstream.consume(length);
                    if !self.response.is_interim() {
                        return Poll::Ready(Ok(()));
                    }
                    self.take_interim(awaited)?;
                    continue;
                }
                Ok(None) => {}
            }
            self.poll_client_write(context).map_err(|Gone| NoHead::Gone)?;
            match self.from_upstream.poll_fill(context, self.upstream) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Ok(length)) if length > 0 => awaited.received = true,
                Poll::Ready(_) if awaited.received => return Poll::Ready(Err(NoHead::Own(OwnAnswer::BROKEN))),
                Poll::Ready(_) => return Poll::Ready(Err(NoHead::Broken)),
            }
        }
    }

    fn take_interim(&mut self, awaited: &mut Awaited) -> Result<(), NoHead> {
        awaited.interim += 1;
        if awaited.interim > self.limits.interim_answers_max {
            return Err(NoHead::Own(OwnAnswer::BAD_ANSWER));
        }
        if self.version == Version::Http11 {
            response::write_interim(self.client.outgoing.bytes_mut(), self.response);
        }
        Ok(())
    }

    fn poll_client_write(&mut self, context: &mut Context<'_>) -> Result<(), Gone> {
        if self.client.outgoing.pending() == 0 {
            return Ok(());
        }
        match self.client.outgoing.poll_write(context, &mut self.client.stream) {
            Poll::Ready(Err(_)) => Err(Gone),
            Poll::Ready(Ok(())) => {
                self.active = true;
                Ok(())
            }
            Poll::Pending => Ok(()),
        }
    }

    fn poll_answer(&mut self, context: &mut Context<'_>, download: &mut Transfer) -> Poll<Result<(), NoEnd>> {
        if !download.is_done() {
            self.push_request(context).map_err(|end| match end {
                NoHead::Own(_) => NoEnd::BadRequest,
                NoHead::Gone | NoHead::Broken => NoEnd::Gone,
            })?;
        }
        loop {
            let advance =
                download.advance(self.from_upstream, &mut self.client.outgoing).map_err(|_| NoEnd::Truncated)?;
            if advance == Advance::Starved {
                match self.from_upstream.poll_fill(context, self.upstream) {
                    Poll::Ready(Ok(0)) => {
                        download.end_of_input().map_err(|_| NoEnd::Truncated)?;
                        continue;
                    }
                    Poll::Ready(Ok(_)) => {
                        self.active = true;
                        continue;
                    }
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(NoEnd::Truncated)),
                    Poll::Pending => {}
                }
            }
            self.poll_client_write(context).map_err(|Gone| NoEnd::Gone)?;
            match (advance, self.client.outgoing.pending()) {
                (Advance::Done, 0) => return Poll::Ready(Ok(())),
                (Advance::Full, 0) => {}
                _ => return Poll::Pending,
            }
        }
    }

    /// Moves the request on as far as it goes: from the client's buffer, from the client, to the instance.
    fn push_request(&mut self, context: &mut Context<'_>) -> Result<(), NoHead> {
        while !self.is_sent() {
            let advance = self.upload.advance(&mut self.client.incoming, self.to_upstream).map_err(refusal)?;
            let before = self.to_upstream.pending();
            let blocked = match self.to_upstream.poll_write(context, self.upstream) {
                Poll::Ready(Ok(())) => false,
                Poll::Ready(Err(_)) => {
                    self.send_failed = true;
                    break;
                }
                Poll::Pending => true,
            };
            self.active |= self.to_upstream.pending() < before;
            match advance {
                Advance::Starved => match self.client.incoming.poll_fill(context, &mut self.client.stream) {
                    Poll::Ready(Ok(length)) if length > 0 => self.active = true,
                    Poll::Ready(_) => return Err(NoHead::Gone),
                    Poll::Pending => return Ok(()),
                },
                Advance::Full | Advance::Done if blocked => return Ok(()),
                Advance::Full | Advance::Done => {}
            }
        }
        self.client.watch(context).map_err(|Gone| NoHead::Gone)
    }
}

fn refusal(error: TransferError) -> NoHead {
    NoHead::Own(match error {
        TransferError::TooLarge => OwnAnswer::TOO_LARGE,
        TransferError::Body(_) => OwnAnswer::BAD_BODY,
    })
}
