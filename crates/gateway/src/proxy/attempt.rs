//! Trying instances until one answers, as long as that is safe.

use super::answer::OwnAnswer;
use super::client::{Client, ClientStream, Gone};
use super::exchange::{Exchange, NoHead};
use super::idle::is_quiet_now;
use super::incoming::Incoming;
use super::outgoing::Outgoing;
use super::timer::Timer;
use super::transfer::Transfer;
use crate::http1::{Method, ResponseHead, Version};
use crate::limits::Limits;
use crate::pool::{EndpointKey, EndpointState, Lease, Outcome, Patience, PoolState, Unavailable};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;

/// The first pause before instances that were all tried are tried again; it doubles.
const PAUSE_SHORTEST: Duration = Duration::from_millis(20);

/// Carries one request, whose head is in `to_upstream`, to an instance.
pub(super) struct Courier<'a, S> {
    pub(super) client: &'a mut Client<S>,
    pub(super) from_upstream: &'a mut Incoming,
    pub(super) to_upstream: &'a mut Outgoing,
    pub(super) timer: &'a mut Timer,
    pub(super) limits: &'a Limits,
    pub(super) response: &'a mut ResponseHead,
    pub(super) upload: Transfer,
    pub(super) method: Method,
    pub(super) version: Version,
    /// When the request came.
    pub(super) since: Instant,
    /// From the request's end to the answer's head.
    pub(super) answer_timeout: Duration,
    /// How long instances that were all tried are tried again.
    pub(super) retry_patience: Duration,
    pub(super) tries: Tries,
}

/// What was tried.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// How many connections.
    pub(super) count: u16,
    /// The instance that was tried last.
    pub(super) endpoint: Option<Arc<EndpointState>>,
}

/// An instance that has begun to answer.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) lease: Lease,
    pub(super) stream: TcpStream,
    pub(super) send_failed: bool,
}

/// Why nobody answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// The table has changed; nothing was sent.
    Rerouted,
    /// The client is gone.
    Gone,
    /// The gateway answers.
    Own(OwnAnswer),
}

impl<S: ClientStream> Courier<'_, S> {
    /// Tries instances until one answers.
    pub(super) async fn deliver(
        &mut self,
        pool: &Arc<PoolState>,
        patience: &mut Patience,
    ) -> Result<Answering, Failure> {
        let mut tried = Vec::new();
        let mut pause = PAUSE_SHORTEST;
        loop {
            match self.client.while_here(pool.acquire(&tried, patience)).await {
                Ok(Ok(lease)) => {
                    self.tries.endpoint = Some(lease.endpoint().clone());
                    let key = lease.endpoint().key;
                    if let Some(answering) = self.try_instance(lease).await? {
                        return Ok(answering);
                    }
                    tried.push(key);
                }
                Ok(Err(Unavailable::NoEndpoint)) if self.may_wait(&tried) => {
                    let waited = self.client.while_here(tokio::time::sleep(pause)).await;
                    waited.map_err(|Gone| Failure::Gone)?;
                    pause *= 2;
                    tried.clear();
                }
                Ok(Err(unavailable)) => return Err(failure(unavailable, tried.is_empty())),
                Err(Gone) => return Err(Failure::Gone),
            }
        }
    }

    /// One instance: over an idle connection, and if that turns out to be dead over a new one. `None`: another
    /// instance may be tried.
    async fn try_instance(&mut self, mut lease: Lease) -> Result<Option<Answering>, Failure> {
        let mut reuse = true;
        while let Some((mut stream, reused)) = self.connect(&mut lease, reuse).await? {
            let mut exchange = self.exchange(&mut stream, lease.pool());
            let ended = exchange.head().await;
            let send_failed = exchange.send_failed;
            match ended {
                Ok(()) => {
                    lease.report(Outcome::Answered(self.response.status));
                    return Ok(Some(Answering { lease, stream, send_failed }));
                }
                Err(NoHead::Gone) => return Err(Failure::Gone),
                Err(NoHead::Own(answer)) => {
                    lease.report(if answer.status == 504 { Outcome::TimedOut } else { Outcome::Broken });
                    return Err(Failure::Own(answer));
                }
                Err(NoHead::Broken) => {
                    lease.report(Outcome::Broken);
                    lease.endpoint().idle.clear();
                    self.rewind()?;
                    if !reused {
                        return Ok(None);
                    }
                    // The instance may just have closed what was idle: once more, on a new connection.
                    reuse = false;
                }
            }
        }
        Ok(None)
    }

    fn exchange<'b>(&'b mut self, upstream: &'b mut TcpStream, pool: &'b PoolState) -> Exchange<'b, S> {
        self.from_upstream.clear();
        Exchange {
            client: self.client,
            upstream,
            from_upstream: self.from_upstream,
            to_upstream: self.to_upstream,
            upload: &mut self.upload,
            timer: self.timer,
            limits: self.limits,
            pool,
            response: self.response,
            method: self.method,
            version: self.version,
            since: if self.tries.count == 1 { self.since } else { Instant::now() },
            answer_timeout: self.answer_timeout,
            send_failed: false,
            active: false,
        }
    }

    /// Whether a request that was tried everywhere may try again: an instance that was killed is started again soon.
    fn may_wait(&self, tried: &[EndpointKey]) -> bool {
        !tried.is_empty() && self.since.elapsed() < self.retry_patience
    }

    /// Goes back to the request's first byte if it can be sent once more without being done twice (RFC 9110
    /// section 9.2.2): nothing of it was sent, or its method is idempotent and all that was sent is still there.
    fn rewind(&mut self) -> Result<(), Failure> {
        let safe = self.method.is_idempotent() || !self.to_upstream.has_begun();
        if safe && usize::from(self.tries.count) < self.limits.tries_max && self.to_upstream.rewind() {
            return Ok(());
        }
        Err(Failure::Own(OwnAnswer::BROKEN))
    }

    /// A connection to the lease's instance, and whether it was idle before, which `reuse` must allow. `None`: the
    /// instance accepts none.
    async fn connect(&mut self, lease: &mut Lease, reuse: bool) -> Result<Option<(TcpStream, bool)>, Failure> {
        self.tries.count = self.tries.count.saturating_add(1);
        while let Some(stream) = lease.endpoint().idle.take(self.since, self.limits.idle_upstream_timeout) {
            if reuse && (self.method.is_idempotent() || is_quiet_now(&stream)) {
                return Ok(Some((stream, true)));
            }
        }
        let due = Instant::now() + self.limits.connect_timeout;
        let endpoint = lease.endpoint().clone();
        let connecting = self.client.while_here(endpoint.connect());
        match self.timer.limit(due, connecting).await {
            Some(Err(Gone)) => Err(Failure::Gone),
            Some(Ok(Ok(stream))) => {
                let _ = stream.set_nodelay(true);
                Ok(Some((stream, false)))
            }
            Some(Ok(Err(_))) | None => {
                lease.report(Outcome::ConnectFailed);
                Ok(None)
            }
        }
    }
}

pub(super) fn failure(unavailable: Unavailable, untried: bool) -> Failure {
    match unavailable {
        Unavailable::Rerouted => Failure::Rerouted,
        Unavailable::Held { retry_after } => {
            Failure::Own(OwnAnswer::unavailable("held", "the service is changing over", retry_after))
        }
        Unavailable::NoEndpoint if untried => {
            let soon = Duration::from_secs(1);
            Failure::Own(OwnAnswer::unavailable("no-instance", "no instance of the service is running", soon))
        }
        Unavailable::NoEndpoint => Failure::Own(OwnAnswer::UNREACHED),
    }
}
