//! What is written down of one exchange.

use super::answer::OwnAnswer;
use super::trace::Trace;
use crate::Gateway;
use crate::access_log::AccessEntry;
use crate::http1::RequestHead;
use crate::pool::{EndpointState, PoolState};
use crate::table::RouteInfo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// One exchange as it goes on.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) since: Instant,
    pub(super) route: Option<Arc<RouteInfo>>,
    pub(super) pool: Option<Arc<PoolState>>,
    pub(super) endpoint: Option<Arc<EndpointState>>,
    pub(super) trace: Option<Trace>,
    /// What the client got; 0 while it has got nothing.
    pub(super) status: u16,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) attempts: u16,
    pub(super) reason: &'static str,
}

impl Record {
    pub(super) fn new(since: Instant) -> Self {
        Self {
            since,
            route: None,
            pool: None,
            endpoint: None,
            trace: None,
            status: 0,
            bytes_in: 0,
            bytes_out: 0,
            attempts: 0,
            reason: "",
        }
    }

    /// The gateway answers itself.
    pub(super) fn own(&mut self, answer: OwnAnswer) {
        self.status = answer.status;
        self.reason = answer.reason;
    }

    /// Hands it to the log and to the pool's counters.
    pub(super) fn close(
        &self,
        gateway: &Gateway,
        request: Option<&RequestHead>,
        peer: Option<SocketAddr>,
        now: Instant,
    ) {
        let route = self.route.as_deref();
        let method = request.map_or(&b""[..], RequestHead::method_bytes);
        if let Some(pool) = self.pool.as_ref().filter(|_| self.status > 0) {
            pool.count(self.status);
            if let Some(tally) = route.and_then(|route| route.tally.as_ref()) {
                tally.count(self.status);
            }
        }
        gateway.access_log.record(&AccessEntry {
            route: route.map_or("", |route| &route.id),
            variant: route.map_or("", |route| &route.variant),
            pool: self.pool.as_ref().map_or("", |pool| pool.id()),
            endpoint: self.endpoint.as_ref().map_or("", |endpoint| &endpoint.id),
            caller: route.and_then(|route| route.caller.as_deref()).unwrap_or_default(),
            peer,
            method: std::str::from_utf8(method).unwrap_or_default(),
            host: request.map_or("", RequestHead::host),
            target: request.map_or("", RequestHead::target),
            status: self.status,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            duration_us: u64::try_from(now.saturating_duration_since(self.since).as_micros()).unwrap_or(u64::MAX),
            attempts: self.attempts,
            reason: self.reason,
            trace: self.trace.as_ref().map_or("", Trace::id),
        });
    }
}
