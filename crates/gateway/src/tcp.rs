//! Forwarding connections as bytes: both ways, each at its own pace, each ending on its own.

use crate::Gateway;
use crate::access_log::AccessEntry;
use crate::pool::{Lease, Outcome, Unavailable};
use crate::table::{ConnectionContext, RouteInfo};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How much of one direction is in memory: when the other side does not take it, no more is read.
const BUFFER_BYTES: usize = 16 * 1024;

/// How long both sides may take to end once they were told. Whoever drains the pool waits for it.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);

/// Forwards one connection to the pool of its listener, and returns when it has ended.
pub async fn forward<S>(client: S, mut context: ConnectionContext, gateway: &Gateway)
where
    S: AsyncRead + AsyncWrite + Send,
{
    let started = Instant::now();
    let mut attempts = 0;
    let connected = connect(&mut context, gateway, &mut attempts).await;
    let mut entry = AccessEntry { peer: context.peer(), method: "TCP", attempts, ..AccessEntry::default() };
    match connected {
        Ok((lease, route, upstream)) => {
            let traffic = Traffic::new();
            let closing = lease.pool().closing();
            entry.reason = exchange(client, upstream, &closing, gateway, &traffic).await;
            lease.pool().count(200);
            entry.status = 200;
            (entry.bytes_in, entry.bytes_out) = traffic.bytes();
            entry.pool = lease.pool().id();
            entry.endpoint = &lease.endpoint().id;
            record(entry, &route, started, gateway);
        }
        Err(Refused { pool, route, reason }) => {
            if let Some(pool) = &pool {
                pool.count(503);
                entry.pool = pool.id();
            }
            entry.status = 503;
            entry.reason = reason;
            match route {
                Some(route) => record(entry, &route, started, gateway),
                None => gateway.access_log.record(&entry),
            }
        }
    }
}

fn record<'a>(mut entry: AccessEntry<'a>, route: &'a RouteInfo, started: Instant, gateway: &Gateway) {
    if let Some(tally) = &route.tally {
        tally.count(entry.status);
    }
    entry.route = &route.id;
    entry.caller = route.caller.as_deref().unwrap_or_default();
    entry.duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    gateway.access_log.record(&entry);
}

/// A connection that nobody took.
struct Refused {
    pool: Option<Arc<crate::pool::PoolState>>,
    route: Option<Arc<RouteInfo>>,
    reason: &'static str,
}

/// Connects to an instance; another one if the first does not accept. Waits while the pool is held.
async fn connect(
    context: &mut ConnectionContext,
    gateway: &Gateway,
    attempts: &mut u16,
) -> Result<(Lease, Arc<RouteInfo>, TcpStream), Refused> {
    let mut patience = None;
    let mut tried = Vec::new();
    loop {
        let found = gateway.table().tcp_pool(context);
        let Some((pool, route)) = found else {
            return Err(Refused { pool: None, route: None, reason: "no-route" });
        };
        let patience = patience.get_or_insert_with(|| context.patience());
        let mut lease = match pool.acquire(&tried, patience).await {
            Ok(lease) => lease,
            Err(Unavailable::Rerouted) => continue,
            Err(Unavailable::Held { .. }) => {
                return Err(Refused { pool: Some(pool), route: Some(route), reason: "held" });
            }
            Err(Unavailable::NoEndpoint) => {
                return Err(Refused { pool: Some(pool), route: Some(route), reason: "no-endpoint" });
            }
        };
        *attempts += 1;
        let stream = tokio::time::timeout(gateway.limits.connect_timeout, lease.endpoint().connect()).await;
        if let Ok(Ok(stream)) = stream {
            let _ = stream.set_nodelay(true);
            lease.report(Outcome::Answered(200));
            return Ok((lease, route, stream));
        }
        lease.report(Outcome::ConnectFailed);
        tried.push(lease.endpoint().key);
        if usize::from(*attempts) >= gateway.limits.tries_max {
            return Err(Refused { pool: Some(pool), route: Some(route), reason: "connect" });
        }
    }
}

/// Bytes so far, and when the last of them came.
pub(crate) struct Traffic {
    started: Instant,
    from_client: AtomicU64,
    from_instance: AtomicU64,
    last_ms: AtomicU64,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        let zero = || AtomicU64::new(0);
        Self { started: Instant::now(), from_client: zero(), from_instance: zero(), last_ms: zero() }
    }

    fn add(&self, direction: &AtomicU64, count: usize) {
        direction.fetch_add(count as u64, Ordering::Relaxed);
        let now = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now, Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> (u64, u64) {
        (self.from_client.load(Ordering::Relaxed), self.from_instance.load(Ordering::Relaxed))
    }

    /// Returns when nothing came from either side for so long.
    async fn idle_for(&self, limit: Duration) {
        loop {
            let last = self.last_ms.load(Ordering::Relaxed);
            tokio::time::sleep_until(self.started + Duration::from_millis(last) + limit).await;
            if self.last_ms.load(Ordering::Relaxed) == last {
                return;
            }
        }
    }
}

/// Moves bytes until both directions have ended; the answer is why it ended otherwise, in a word.
pub(crate) async fn exchange<S>(
    client: S,
    upstream: TcpStream,
    closing: &CancellationToken,
    gateway: &Gateway,
    traffic: &Traffic,
) -> &'static str
where
    S: AsyncRead + AsyncWrite + Send,
{
    let (mut client_reader, mut client_writer) = tokio::io::split(client);
    let (mut upstream_reader, mut upstream_writer) = upstream.into_split();
    let reason = {
        let there = copy(&mut client_reader, &mut upstream_writer, |count| traffic.add(&traffic.from_client, count));
        let back = copy(&mut upstream_reader, &mut client_writer, |count| traffic.add(&traffic.from_instance, count));
        let both = async { tokio::try_join!(there, back) };
        tokio::select! {
            ended = both => match ended {
                Ok(_) => return "",
                Err(_) => return "broken",
            },
            () = closing.cancelled() => "drained",
            () = traffic.idle_for(gateway.limits.tunnel_idle_timeout) => "idle",
        }
    };
    // Politely: both sides see an end, not a reset, and have a moment to say theirs.
    let _ = client_writer.shutdown().await;
    let _ = upstream_writer.shutdown().await;
    let rest = async { tokio::join!(read_to_end(&mut client_reader), read_to_end(&mut upstream_reader)) };
    let _ = tokio::time::timeout(CLOSE_WITHIN, rest).await;
    reason
}

/// Copies until the end, then ends the other side's input.
async fn copy<R, W>(reader: &mut R, writer: &mut W, count: impl Fn(usize)) -> io::Result<()>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = reader.read(&mut buffer).await?;
        if read == 0 {
            // The other side may have ended already; then there is nobody left to tell.
            let _ = writer.shutdown().await;
            return Ok(());
        }
        writer.write_all(&buffer[..read]).await?;
        count(read);
    }
}

async fn read_to_end(reader: &mut (impl AsyncRead + Unpin)) {
    let mut buffer = [0; 1024];
    while reader.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}
