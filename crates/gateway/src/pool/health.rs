//! The gateway's own look at the endpoints: often at those that failed, seldom at the good ones.

use super::{EndpointState, PoolState};
use crate::Gateway;
use seaworthy_model::routing::EndpointAddress;
use seaworthy_model::service::Protocol;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How often endpoints that failed are looked at.
const FAILED_EVERY: Duration = Duration::from_secs(1);
/// Every how many turns the good ones are looked at, too.
const GOOD_EVERY_TURNS: u64 = 10;
/// How long an endpoint may take to answer.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);
/// How many are looked at at once.
const CHECKS_MAX: usize = 32;
/// How much of an answer is looked at.
const STATUS_BYTES_MAX: usize = 512;

/// Looks after the endpoints of every pool as long as the process lives.
pub(crate) async fn watch(gateway: Arc<Gateway>) {
    let mut turns = tokio::time::interval(FAILED_EVERY);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut turn = 0_u64;
    loop {
        turns.tick().await;
        turn += 1;
        let mut checks = JoinSet::new();
        let oldest = Instant::now().checked_sub(gateway.limits.idle_upstream_timeout);
        for pool in gateway.pools().all() {
            // What nobody uses again would stay open, closed by the instance long ago.
            if let Some(oldest) = oldest {
                pool.settings().endpoints.iter().for_each(|endpoint| endpoint.idle.expire(oldest));
            }
            for endpoint in due(&pool, turn.is_multiple_of(GOOD_EVERY_TURNS)) {
                if checks.len() >= CHECKS_MAX {
                    checks.join_next().await;
                }
                let path = pool.settings().health_path.clone();
                checks.spawn(async move { endpoint.checked(is_healthy(&endpoint, path.as_deref()).await) });
            }
        }
        while checks.join_next().await.is_some() {}
    }
}

/// The endpoints that are to be looked at. An instance whose pool has left the table is stopping, and one whose pool is
/// held may be.
fn due(pool: &PoolState, good_ones_too: bool) -> Vec<Arc<EndpointState>> {
    let settings = pool.settings();
    if pool.is_retired() || settings.held.is_some() {
        return Vec::new();
    }
    // A connection that says nothing is work for a server that speaks bytes; its failures show when it is used.
    let good_ones_too = good_ones_too && settings.protocol == Protocol::Http;
    settings.endpoints.iter().filter(|endpoint| good_ones_too || !endpoint.is_eligible()).cloned().collect()
}

async fn is_healthy(endpoint: &EndpointState, path: Option<&str>) -> bool {
    let check = async {
        let stream = endpoint.connect().await?;
        match path {
            None => Ok(true),
            Some(path) => Ok((200..400).contains(&status(stream, &endpoint.address, path).await?)),
        }
    };
    tokio::time::timeout(CHECK_TIMEOUT, check).await.is_ok_and(|healthy: io::Result<bool>| healthy.unwrap_or(false))
}

/// The status that a GET is answered with; the rest of the answer is not of interest.
async fn status(mut stream: TcpStream, address: &EndpointAddress, path: &str) -> io::Result<u16> {
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: seaworthy-gateway\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    while answer.len() < STATUS_BYTES_MAX && !answer.contains(&b'\n') {
        if stream.read_buf(&mut answer).await? == 0 {
            break;
        }
    }
    parse_status(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse_status(answer: &[u8]) -> Option<u16> {
    let rest = answer.strip_prefix(b"HTTP/1.")?.get(1..)?.strip_prefix(b" ")?;
    std::str::from_utf8(rest.get(..3)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn status_lines() {
        assert_eq!(parse_status(b"HTTP/1.1 200 OK\r\n"), Some(200));
        assert_eq!(parse_status(b"HTTP/1.0 503 \r\n"), Some(503));
        assert_eq!(parse_status(b"HTTP/1.1 20"), None);
        assert_eq!(parse_status(b"SSH-2.0-x\r\n"), None);
        assert_eq!(parse_status(b""), None);
    }

    #[tokio::test]
    async fn a_page_or_a_connection_tells() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = EndpointState::new("x", listener.local_addr().unwrap());
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") && stream.read_buf(&mut request).await.unwrap_or(0) > 0 {}
                let bad = request.starts_with(b"GET /bad ");
                let answer: &[u8] = if bad { b"HTTP/1.1 500 No\r\n\r\n" } else { b"HTTP/1.1 204 Yes\r\n\r\n" };
                let _ = stream.write_all(answer).await;
            }
        });
        assert!(is_healthy(&endpoint, Some("/healthz")).await);
        assert!(!is_healthy(&endpoint, Some("/bad")).await);
        assert!(is_healthy(&endpoint, None).await);
        let nobody = {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            listener.local_addr().unwrap()
        };
        assert!(!is_healthy(&EndpointState::new("x", nobody), None).await);
    }
}
