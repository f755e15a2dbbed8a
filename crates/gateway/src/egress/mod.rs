//! Connections of instances to the world outside: to declared destinations, looked up at each connection, never to an
//! address that the declaration does not allow.

mod address;
mod connect;
mod destination;
mod head;
mod refusals;
mod route;

pub use address::{AddressKind, own_addresses};
pub use connect::NoWay;
pub use destination::Destination;
pub use refusals::Refusals;
pub use route::EgressRoute;

use crate::Gateway;
use crate::access_log::AccessEntry;
use crate::control::EgressRefusal;
use crate::proxy::ClientStream;
use crate::table::ConnectionContext;
use crate::tcp::{Traffic, exchange};
use head::Asked;
use std::time::Instant;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

/// Serves one connection that came out of an instance, and returns when it has ended.
pub async fn serve<S: ClientStream>(
    mut client: S,
    context: &ConnectionContext,
    route: &EgressRoute,
    gateway: &Gateway,
) {
    let since = Instant::now();
    let (to, ahead) = match where_to(&mut client, route, gateway).await {
        Ok(asked) => asked,
        Err(status) => {
            let entry = AccessEntry { status, reason: "bad-request", method: "CONNECT", ..AccessEntry::default() };
            record(entry, context, route, since, gateway);
            return decline(client, route, status, "only `CONNECT host:port` is understood here", gateway).await;
        }
    };
    let target = to.to_string();
    let mut entry = AccessEntry { method: "EGRESS", target: &target, attempts: 1, ..AccessEntry::default() };
    let connected = match to.declared(&route.to) {
        Some(egress) => connect::connect(&to, egress, gateway).await,
        None => Err(NoWay::Undeclared),
    };
    match connected {
        Ok(upstream) => {
            entry.status = 200;
            let traffic = Traffic::new();
            entry.reason = carry(client, upstream, &ahead, route, gateway, &traffic).await;
            (entry.bytes_in, entry.bytes_out) = traffic.bytes();
            record(entry, context, route, since, gateway);
        }
        Err(no_way) => {
            (entry.status, entry.reason) = (no_way.status(), no_way.reason());
            record(entry, context, route, since, gateway);
            let add = no_way.line_to_add(&to);
            let help = add.as_ref().map(|line| format!("; add `{line}` to the service")).unwrap_or_default();
            let why = format!("{to} is out of reach: {}{help}", no_way.sentence());
            if no_way.is_refusal() {
                let why = no_way.sentence().to_owned();
                gateway.refusals.add(EgressRefusal { caller: route.caller.clone(), to: target.clone(), why, add });
            }
            decline(client, route, no_way.status(), &why, gateway).await;
        }
    }
}

/// Where the connection is to go, and what the client has sent already; else the status that refuses it.
async fn where_to<S: ClientStream>(
    client: &mut S,
    route: &EgressRoute,
    gateway: &Gateway,
) -> Result<(Destination, Vec<u8>), u16> {
    if !route.proxy {
        let to = route.to.first().and_then(|egress| Destination::parse(&egress.to));
        return to.map(|to| (to, Vec::new())).ok_or(502);
    }
    let limits = &gateway.limits;
    let reading = head::read(client, limits.egress_head_bytes_max);
    match tokio::time::timeout(limits.head_timeout, reading).await {
        Ok(Ok(Asked::To(to, ahead))) => Ok((to, ahead)),
        Ok(Ok(Asked::Refused(status))) => Err(status),
        Ok(Err(_)) => Err(400),
        Err(_) => Err(408),
    }
}

/// Carries bytes until both directions have ended; why it ended otherwise, in a word.
async fn carry<S: ClientStream>(
    mut client: S,
    mut upstream: TcpStream,
    ahead: &[u8],
    route: &EgressRoute,
    gateway: &Gateway,
    traffic: &Traffic,
) -> &'static str {
    let begun = async {
        if route.proxy {
            client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await?;
        }
        upstream.write_all(ahead).await
    };
    match tokio::time::timeout(gateway.limits.write_stall_timeout, begun).await {
        Ok(Ok(())) => exchange(client, upstream, &gateway.closing, gateway, traffic).await,
        Ok(Err(_)) | Err(_) => "broken",
    }
}

/// Says no: in words where the client speaks HTTP, else with a reset, so that nobody takes it for an empty answer.
async fn decline<S: ClientStream>(mut client: S, route: &EgressRoute, status: u16, why: &str, gateway: &Gateway) {
    if !route.proxy {
        return client.fail();
    }
    let length = why.len() + 1;
    let answer = format!(
        "HTTP/1.1 {status} Refused\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{why}\n"
    );
    let said = async {
        client.write_all(answer.as_bytes()).await?;
        client.shutdown().await
    };
    let _ = tokio::time::timeout(gateway.limits.linger_timeout, said).await;
}

fn record<'a>(
    mut entry: AccessEntry<'a>,
    context: &ConnectionContext,
    route: &'a EgressRoute,
    since: Instant,
    gateway: &Gateway,
) {
    entry.peer = context.peer();
    entry.route = &route.id;
    entry.caller = &route.caller;
    entry.duration_us = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
    gateway.access_log.record(&entry);
}
