//! The head of a request as an instance gets it.

use super::trace::Trace;
use crate::http1::{Framing, HeadWriter, Known, RequestHead, ResponseHead, Version};
use std::io::Write as _;
use std::net::IpAddr;

/// What the gateway knows about where a request came from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin<'a> {
    /// Who connected.
    pub(super) peer: IpAddr,
    /// The peer is an instance of ours: what it says of those who called it is believed and added to.
    pub(super) trusted: bool,
    /// The service that calls, where the listener tells: nobody else can have come in there.
    pub(super) caller: Option<&'a str>,
}

/// Writes the head for an instance; returns whether it asks for an upgrade.
///
/// Fields of the connection are left out (RFC 9110 section 7.6.1), as are `x-seaworthy-*` and names that read like
/// ours. `X-Forwarded-*` and `Forwarded` (RFC 7239) of strangers are replaced, those of our own instances continued.
///
/// Unless `interactive`, nothing is asked for to which the client would have to react before the final answer.
pub(super) fn write(
    out: &mut Vec<u8>,
    request: &RequestHead,
    origin: Origin<'_>,
    trace: &Trace,
    interactive: bool,
) -> bool {
    let upgrades = interactive && wants_upgrade(request);
    let authority = if request.authority().is_empty() { "localhost" } else { request.authority() };
    let mut writer = HeadWriter::request(out, request.method_bytes(), request.target());
    writer.field(b"Host", authority.as_bytes());
    for field in request.fields().iter() {
        if is_forwarded(field.known, origin.trusted, trace.continued)
            && !request.connection.name(request.fields(), field.name)
        {
            writer.field(field.name, field.value);
        }
    }
    match request.framing {
        Framing::Length(length) => _ = writer.length(length),
        Framing::Chunked => _ = writer.field(b"Transfer-Encoding", b"chunked"),
        Framing::None | Framing::UntilClose => {}
    }
    if interactive && request.expects_continue && request.version == Version::Http11 {
        writer.field(b"Expect", b"100-continue");
    }
    write_connection(&mut writer, request, upgrades);
    write_origin(&mut writer, request, authority, origin);
    writer.field(b"traceparent", trace.traceparent());
    let version: &[u8] = if request.version == Version::Http10 { b"1.0 seaworthy" } else { b"1.1 seaworthy" };
    writer.field(b"Via", version).end();
    upgrades
}

/// Whether a field goes on as it is; the others are dropped or written anew.
fn is_forwarded(known: Known, trusted: bool, trace_continued: bool) -> bool {
    match known {
        Known::Host | Known::ContentLength | Known::Expect | Known::Traceparent => false,
        Known::Seaworthy | Known::Disguised | Known::XForwardedFor => false,
        Known::XForwardedHost | Known::XForwardedProto | Known::Forwarded => trusted,
        Known::Tracestate => trace_continued,
        known => !known.is_hop_by_hop(),
    }
}

/// RFC 9110 section 7.8: only where `Connection` says so, only in HTTP/1.1. Not to HTTP/2 without TLS: nobody but the
/// gateway may decide what follows on this connection (RFC 9113 section 3.1 has dropped it anyway). Not beside a body.
fn wants_upgrade(request: &RequestHead) -> bool {
    request.connection.upgrade
        && request.version == Version::Http11
        && matches!(request.framing, Framing::None | Framing::Length(0))
        && request.fields().values(Known::Upgrade).next().is_some()
        && !request.fields().values(Known::Upgrade).flat_map(protocols).any(|protocol| protocol.starts_with(b"h2"))
}

/// Whether an answer switches to a protocol that the request offered, and to no other.
pub(super) fn offered(request: &RequestHead, response: &ResponseHead) -> bool {
    let offer = |chosen: &[u8]| {
        let mut offers = request.fields().values(Known::Upgrade).flat_map(protocols);
        offers.any(|offer| offer.eq_ignore_ascii_case(chosen))
    };
    let mut chosen = response.fields().values(Known::Upgrade).flat_map(protocols).peekable();
    chosen.peek().is_some() && chosen.all(offer)
}

fn protocols(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(crate::http1::trim)
}

fn write_connection(writer: &mut HeadWriter<'_>, request: &RequestHead, upgrades: bool) {
    let takes_trailers = request.fields().values(Known::Te).any(|value| value.eq_ignore_ascii_case(b"trailers"));
    match (upgrades, takes_trailers) {
        (true, _) => {
            writer.field(b"Connection", b"Upgrade");
            request.fields().values(Known::Upgrade).for_each(|value| _ = writer.field(b"Upgrade", value));
        }
        (false, true) => _ = writer.field(b"Connection", b"TE").field(b"TE", b"trailers"),
        (false, false) => {}
    }
}

fn write_origin(writer: &mut HeadWriter<'_>, request: &RequestHead, authority: &str, origin: Origin<'_>) {
    if let Some(caller) = origin.caller {
        writer.field(b"X-Seaworthy-Caller", caller.as_bytes());
    }
    let mut text = [0_u8; 48];
    let peer = address(&mut text, origin.peer);
    let mut earlier = request.fields().values(Known::XForwardedFor).filter(|_| origin.trusted);
    match (earlier.next(), earlier.next()) {
        (None, _) => _ = writer.field(b"X-Forwarded-For", peer),
        (Some(one), None) => _ = writer.field_of(b"X-Forwarded-For", [one, b", ", peer]),
        (Some(one), Some(two)) => {
            let all = [one, two].into_iter().chain(earlier).collect::<Vec<_>>().join(&b", "[..]);
            writer.field_of(b"X-Forwarded-For", [&all, b", ", peer]);
        }
    }
    let has = |known| origin.trusted && request.fields().values(known).next().is_some();
    if !has(Known::XForwardedProto) {
        writer.field(b"X-Forwarded-Proto", b"http");
    }
    if !has(Known::XForwardedHost) {
        writer.field(b"X-Forwarded-Host", authority.as_bytes());
    }
    // RFC 7239 section 6: IPv6 in brackets, and what is no token in quotes.
    let (open, close): (&[u8], &[u8]) = if origin.peer.is_ipv6() { (b"for=\"[", b"]\"") } else { (b"for=", b"") };
    let host = authority.as_bytes();
    writer.field_of(b"Forwarded", [open, peer, close, b";host=\"", host, b"\";proto=http"]);
}

fn address(text: &mut [u8; 48], peer: IpAddr) -> &[u8] {
    let room = text.len();
    let mut rest = &mut text[..];
    let left = if write!(rest, "{peer}").is_ok() { rest.len() } else { room };
    &text[..room - left]
}

/// The peer's address as a client knows it: IPv4 also where the socket is of both families.
pub(super) fn canonical(peer: Option<std::net::SocketAddr>) -> IpAddr {
    // A Unix socket's peer is on this machine.
    peer.map_or(IpAddr::from([127, 0, 0, 1]), |peer| peer.ip().to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::RequestDecoder;
    use crate::limits::Limits;

    fn rewritten(head: &str, peer: &str, trusted: bool) -> String {
        let mut request = RequestHead::default();
        let length = RequestDecoder::default().decode(head.as_bytes(), &Limits::DEFAULT, &mut request);
        assert_eq!(length, Ok(Some(head.len())));
        let peer = peer.parse().expect("an address");
        let trace = Trace::continue_from(request.fields().get("traceparent"));
        let mut out = Vec::new();
        let origin = Origin { peer, trusted, caller: trusted.then_some("shop") };
        write(&mut out, &request, origin, &trace, true);
        let text = String::from_utf8(out).expect("text");
        text.replace(std::str::from_utf8(trace.traceparent()).expect("text"), "TRACE").replace("\r\n", "\n")
    }

    #[test]
    fn a_stranger_is_not_believed() {
        let head = "GET http://a.b/c HTTP/1.1\r\nHost: a.b\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Seaworthy-Release: 7\r\nx_forwarded_for: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nConnection: keep-alive, x-hop, close\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nProxy-Connection: a\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nTracestate: a=b\r\nAccept: */*\r\n\r\n";
        insta::assert_snapshot!(rewritten(head, "2001:db8::1", false), @r#"
        GET /c HTTP/1.1
        Host: a.b
        Accept: */*
        Connection: TE
        TE: trailers
        X-Forwarded-For: 2001:db8::1
        X-Forwarded-Proto: http
        X-Forwarded-Host: a.b
        Forwarded: for="[2001:db8::1]";host="a.b";proto=http
        traceparent: TRACE
        Via: 1.1 seaworthy
        "#);
    }

    #[test]
    fn an_instance_is_believed_and_continued() {
        let head = "POST /c HTTP/1.1\r\nHost: a\r\nX-Seaworthy-Caller: somebody\r\nX_Seaworthy_Caller: else\r\nX-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Proto: https\r\nForwarded: for=1.2.3.4\r\nTraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00\r\nTracestate: a=b\r\nExpect: 100-Continue\r\nTransfer-Encoding: Chunked\r\n\r\n";
        insta::assert_snapshot!(rewritten(head, "127.0.0.1", true), @r#"
        POST /c HTTP/1.1
        Host: a
        X-Forwarded-Proto: https
        Forwarded: for=1.2.3.4
        Tracestate: a=b
        Transfer-Encoding: chunked
        Expect: 100-continue
        X-Seaworthy-Caller: shop
        X-Forwarded-For: 1.2.3.4, 5.6.7.8, 127.0.0.1
        X-Forwarded-Host: a
        Forwarded: for=127.0.0.1;host="a";proto=http
        traceparent: TRACE
        Via: 1.1 seaworthy
        "#);
    }

    #[test]
    fn an_upgrade_is_asked_for_only_where_it_can_be_had() {
        let upgrade = |rest: &str| {
            rewritten(&format!("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n{rest}\r\n"), "::1", false)
        };
        assert!(upgrade("Connection: Upgrade\r\n").contains("Connection: Upgrade\nUpgrade: websocket\n"));
        assert!(!upgrade("").contains("Upgrade"));
        assert!(!upgrade("Connection: Upgrade\r\nContent-Length: 1\r\n").contains("Upgrade:"));
        assert!(!upgrade("Connection: Upgrade\r\nUpgrade: h2c\r\n").contains("Upgrade:"));
    }
}
