//! A request to a pool: routing it, having it answered, passing the answer on.

use super::answer::OwnAnswer;
use super::attempt::{Answering, Courier, Failure, Tries};
use super::client::ClientStream;
use super::connection::{Next, Session};
use super::exchange::{Exchange, NoEnd};
use super::record::Record;
use super::request::{Origin, canonical};
use super::response::{self, Delivery};
use super::trace::Trace;
use super::transfer::Transfer;
use super::{request, tunnel};
use crate::http1::{Framing, Known};
use crate::pool::{Patience, PoolState};
use crate::table::Routed;
use std::sync::Arc;

/// How often a request is routed again because the table changed while it waited.
const REROUTES_MAX: usize = 64;

impl<S: ClientStream> Session<S> {
    /// Has the request of now answered.
    pub(super) async fn answer_request(&mut self, record: &mut Record) -> Next {
        let mut patience = None;
        for _ in 0..REROUTES_MAX {
            match self.route() {
                Routed::NotFound => return self.own_answer(OwnAnswer::NOT_FOUND, record).await,
                Routed::Pool { pool, route } => {
                    record.route = Some(route);
                    record.pool = Some(pool.clone());
                    let patience = patience.get_or_insert_with(|| self.context.patience());
                    if let Some(next) = self.forward(&pool, patience, record).await {
                        return next;
                    }
                }
                Routed::Fanout { plan, route } => {
                    record.route = Some(route);
                    record.pool = None;
                    let patience = patience.get_or_insert_with(|| self.context.patience());
                    if let Some(next) = self.fan_out(&plan, patience, record).await {
                        return next;
                    }
                }
            }
        }
        self.own_answer(OwnAnswer::MOVING, record).await
    }

    fn route(&mut self) -> Routed {
        let request = &self.request;
        // `OPTIONS *` asks about the whole host.
        let path = if request.path() == "*" { "/" } else { request.path() };
        self.gateway.table().route(&mut self.context, request.host(), path, |name| request.cookie(name))
    }

    /// Has one pool answer; `None` if the request is to be routed again.
    async fn forward(&mut self, pool: &Arc<PoolState>, patience: &mut Patience, record: &mut Record) -> Option<Next> {
        let limits = &self.gateway.limits;
        let route = record.route.as_ref().map(|route| route.limits.clone()).unwrap_or_default();
        let body_bytes_max = route.body_bytes_max.unwrap_or(limits.request_body_bytes_max);
        let framing = self.request.framing;
        if matches!(framing, Framing::Length(length) if length > body_bytes_max) {
            return Some(self.own_answer(OwnAnswer::TOO_LARGE, record).await);
        }
        let upload = Transfer::new(framing, framing == Framing::Chunked, body_bytes_max, limits);
        let upgrades = self.write_request(record, true);
        let mut courier = Courier {
            client: &mut self.client,
            from_upstream: &mut self.from_upstream,
            to_upstream: &mut self.to_upstream,
            timer: &mut self.timer,
            limits: &self.gateway.limits,
            response: &mut self.response,
            upload,
            method: self.request.method,
            version: self.request.version,
            since: record.since,
            answer_timeout: route.timeout.unwrap_or(self.gateway.limits.answer_timeout),
            retry_patience: self.gateway.limits.retry_patience,
            tries: Tries::default(),
        };
        let delivered = courier.deliver(pool, patience).await;
        let Courier { upload, tries, .. } = courier;
        record.attempts = tries.count;
        record.endpoint = tries.endpoint;
        record.bytes_in = upload.bytes();
        match delivered {
            Ok(answering) if self.response.status == 101 => Some(self.switch(answering, upgrades, record).await),
            Ok(answering) => Some(self.pass_on(answering, upload, record).await),
            // A body that was read from the client cannot be read again.
            Err(Failure::Rerouted) if record.bytes_in > 0 => Some(self.own_answer(OwnAnswer::MOVING, record).await),
            Err(Failure::Rerouted) => None,
            Err(Failure::Gone) => {
                record.reason = "client-gone";
                Some(Next::Drop)
            }
            Err(Failure::Own(answer)) => Some(self.own_answer(answer, record).await),
        }
    }

    /// Puts the head for the instance into the buffer; whether it asks for an upgrade. `interactive`: the client and
    /// the instance may talk while the request is under way (interim answers, upgrades).
    pub(super) fn write_request(&mut self, record: &mut Record, interactive: bool) -> bool {
        let given = self.request.fields().values(Known::Traceparent).next();
        let trace = *record.trace.get_or_insert_with(|| Trace::continue_from(given));
        // Only internal listeners have no variants: what comes in there comes from an instance of ours.
        let route = record.route.as_ref();
        let trusted = route.is_some_and(|route| route.variant.is_empty());
        let caller = route.and_then(|route| route.caller.as_deref());
        let origin = Origin { peer: canonical(self.context.peer()), trusted, caller };
        let kept_max = Some(self.gateway.limits.replay_bytes_max);
        request::write(self.to_upstream.begin(kept_max), &self.request, origin, &trace, interactive)
    }

    /// Passes the answer whose head is there on to the client.
    async fn pass_on(&mut self, answering: Answering, mut upload: Transfer, record: &mut Record) -> Next {
        let Answering { lease, mut stream, send_failed } = answering;
        let version = self.request.version;
        record.status = self.response.status;
        let was_sent = upload.is_done() && self.to_upstream.pending() == 0;
        let mut delivery = Delivery { version, framing: self.response.framing, close: false };
        delivery.close = self.closes() || !was_sent || delivery.ends_by_close();
        response::write(self.client.outgoing.bytes_mut(), &self.response, delivery);
        let limits = &self.gateway.limits;
        let mut download = Transfer::new(delivery.framing, delivery.is_chunked(), u64::MAX, limits);
        self.to_upstream.forget();
        let mut exchange = Exchange {
            client: &mut self.client,
            upstream: &mut stream,
            from_upstream: &mut self.from_upstream,
            to_upstream: &mut self.to_upstream,
            upload: &mut upload,
            timer: &mut self.timer,
            limits,
            pool: lease.pool(),
            response: &mut self.response,
            method: self.request.method,
            version,
            since: record.since,
            answer_timeout: limits.answer_timeout,
            send_failed,
            active: false,
        };
        let ended = exchange.answer(&mut download).await;
        let (is_reusable, instance_closes) = (exchange.is_reusable(), exchange.instance_closes());
        record.bytes_in = upload.bytes();
        record.bytes_out = download.bytes();
        if let Err(end) = ended {
            return self.break_off(end, delivery, record).await;
        }
        if instance_closes {
            lease.pool().count_closed();
        }
        if is_reusable {
            let connections_max = self.gateway.limits.idle_upstream_connections_max;
            lease.endpoint().idle.give(stream, record.since, connections_max);
        }
        if delivery.close { Next::Close } else { Next::KeepAlive }
    }

    /// The answer has begun and cannot be finished. The client gets what there was, and an end that is none.
    async fn break_off(&mut self, end: NoEnd, delivery: Delivery, record: &mut Record) -> Next {
        record.reason = match end {
            NoEnd::Gone => "client-gone",
            NoEnd::Truncated => "truncated",
            NoEnd::Silent => "silent",
            NoEnd::BadRequest => "bad-body",
            NoEnd::Drained => "drained",
        };
        if end == NoEnd::Gone || self.flush(true).await == Next::Drop {
            return Next::Drop;
        }
        if delivery.ends_by_close() { Next::Fail } else { Next::Close }
    }

    /// The instance switches to another protocol: from here on both connections carry bytes.
    async fn switch(&mut self, answering: Answering, upgrades: bool, record: &mut Record) -> Next {
        let Answering { lease, stream, .. } = answering;
        if !upgrades || !request::offered(&self.request, &self.response) {
            return self.own_answer(OwnAnswer::BAD_ANSWER, record).await;
        }
        record.status = 101;
        let mut protocols = self.response.fields().values(Known::Upgrade);
        let websocket = protocols.any(|value| value.eq_ignore_ascii_case(b"websocket"));
        drop(protocols);
        response::write_switch(self.client.outgoing.bytes_mut(), &self.response);
        if self.flush(false).await != Next::KeepAlive {
            return Next::Drop;
        }
        let closing = lease.pool().closing();
        let tunnel = tunnel::Tunnel {
            client: &mut self.client,
            upstream: stream,
            from_upstream: &mut self.from_upstream,
            timer: &mut self.timer,
            limits: &self.gateway.limits,
        };
        (record.bytes_in, record.bytes_out) = tunnel.run(&closing, websocket).await;
        Next::Drop
    }
}
