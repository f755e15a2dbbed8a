//! Request smuggling: shapes known from the literature, as raw bytes, with the exact outcome.
//!
//! Each shape is sent on a connection of its own, followed by a plain request for `/after`. What matters: the status
//! of each answer, that the connection is closed where the message has two readings, and what reached the instance.
//! Sources: RFC 9112 section 11.2; Linhart et al. 2005 (CL.CL, CL.TE); Kettle, "HTTP Desync Attacks" 2019 and
//! "HTTP/1.1 must die" 2025; the T-Reqs and HTTP Garden papers; the CVEs named beside a shape.

mod support;

use support::instance::Instance;
use support::{World, within};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Bytes, the statuses that come back, and the targets that reach the instance.
struct Shape {
    name: &'static str,
    bytes: &'static str,
    statuses: &'static [u16],
    targets: &'static [&'static str],
}

/// Refused: one answer, then the end of the connection; nothing reaches the instance.
const fn refused(name: &'static str, bytes: &'static str, status: &'static [u16; 1]) -> Shape {
    Shape { name, bytes, statuses: status, targets: &[] }
}

/// Read as what it says: the request `/` and the one after it.
const fn served(name: &'static str, bytes: &'static str) -> Shape {
    Shape { name, bytes, statuses: &[200, 200], targets: &["/", "/after"] }
}

const BAD: &[u16; 1] = &[400];

/// The request that follows on the same connection. A shape that swallows it, or that makes two of itself, shows.
const AFTER: &str = "GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";

const LENGTHS: &[Shape] = &[
    served("one length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"),
    served("leading zeros", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0005\r\n\r\nhello"),
    served("space around", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \t 5 \t\r\n\r\nhello"),
    served("body on GET", "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 24\r\n\r\nGET /evil HTTP/1.1\r\nX: y\r\n"),
    refused("two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello", BAD),
    refused(
        "the same length twice",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
        BAD,
    ),
    refused("a list", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello", BAD),
    refused("plus", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello", BAD),
    refused("minus", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\nhello", BAD),
    refused("hexadecimal", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello", BAD),
    refused("underscores in digits", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1_0\r\n\r\nhellohello", BAD),
    refused("fraction", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5.0\r\n\r\nhello", BAD),
    refused("empty", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello", BAD),
    refused("overflow", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello", BAD),
    refused("quoted", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \"5\"\r\n\r\nhello", BAD),
    refused("space inside", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5 0\r\n\r\nhello", BAD),
    refused("vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: \u{b}5\r\n\r\nhello", BAD),
    refused("name with a space before the colon", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\nhello", BAD),
    refused("name with an underscore", "POST / HTTP/1.1\r\nHost: a\r\nContent_Length: 5\r\n\r\nhello", BAD),
    refused(
        "named by Connection",
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: Content-Length\r\nContent-Length: 5\r\n\r\nhello",
        BAD,
    ),
];

const CODINGS: &[Shape] = &[
    served("chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    served("in other case", "POST / HTTP/1.1\r\nHost: a\r\ntransfer-ENCODING: cHuNkEd\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    refused(
        "CL.TE",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nX",
        BAD,
    ),
    refused(
        "TE.CL",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n1\r\nX\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "CL.0 with chunked",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "TE.TE",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "TE.TE reversed",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "chunked twice",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "chunked, chunked",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "chunked is not last",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "identity",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\nContent-Length: 5\r\n\r\nhello",
        BAD,
    ),
    refused("xchunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", BAD),
    refused("quoted", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n", BAD),
    refused("empty", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n0\r\n\r\n", BAD),
    refused("trailing comma", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked,\r\n\r\n0\r\n\r\n", BAD),
    refused("leading comma", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: ,chunked\r\n\r\n0\r\n\r\n", BAD),
    refused("with a parameter", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;a=b\r\n\r\n0\r\n\r\n", BAD),
    refused("vertical tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\u{b}chunked\r\n\r\n0\r\n\r\n", BAD),
    refused("form feed", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{c}chunked\r\n\r\n0\r\n\r\n", BAD),
    refused("NUL", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\0\r\n\r\n0\r\n\r\n", BAD),
    refused("no-break space", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \u{a0}chunked\r\n\r\n0\r\n\r\n", BAD),
    refused(
        "space before the colon",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    refused("tab before the colon", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n", BAD),
    refused("space before the name", "POST / HTTP/1.1\r\nHost: a\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    refused(
        "space before the first name",
        "POST / HTTP/1.1\r\n Transfer-Encoding: chunked\r\nHost: a\r\n\r\n0\r\n\r\n",
        BAD,
    ),
    refused("folded", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", BAD),
    refused("folded with a tab", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\tchunked\r\n\r\n0\r\n\r\n", BAD),
    refused("behind a lone LF", "POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    refused("behind a lone CR", "POST / HTTP/1.1\r\nHost: a\r\nX: y\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    refused(
        "name with an underscore",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
        BAD,
    ),
    refused("in HTTP/1.0", "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", BAD),
    refused("gzip, chunked", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &[501]),
];

const CHUNKS: &[Shape] = &[
    served(
        "extension",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=\"b c\"\r\nhello\r\n0;x\r\n\r\n",
    ),
    served(
        "trailer",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    ),
    served(
        "a request as data",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\nGET /evil HTTP/1.1\r\nX: y\r\n\r\n0\r\n\r\n",
    ),
    refused("0x", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", BAD),
    refused("plus", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", BAD),
    refused("minus", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", BAD),
    refused(
        "underscore",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0_5\r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "leading space",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n 5\r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "trailing space",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "space before the extension",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 ;a\r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "empty size",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "only an extension",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n;a\r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "overflow",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "LF after the size",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "CR after the size",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\rhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "LF in the extension (CVE-2025-55315)",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\nxx\r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "CR in the extension",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;\rxx\r\nhello\r\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "LF after the data",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
        BAD,
    ),
    refused(
        "two bytes for CR LF (CVE-2024-6827)",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
        BAD,
    ),
    refused(
        "data longer than its size",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
        BAD,
    ),
    refused("LF ends the trailers", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\nX", BAD),
    refused(
        "length as trailer",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n",
        BAD,
    ),
    refused(
        "coding as trailer",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
        BAD,
    ),
    refused(
        "host as trailer",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nHost: b\r\n\r\n",
        BAD,
    ),
    refused(
        "a request as trailer",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nGET /evil HTTP/1.1\r\n\r\n",
        BAD,
    ),
    refused(
        "folded trailer",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n z\r\n\r\n",
        BAD,
    ),
];

const LINES: &[Shape] = &[
    served("one empty line before", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"),
    served("empty value", "GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n"),
    served("other bytes in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: \u{e4}\r\n\r\n"),
    refused("two empty lines before", "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("LF before", "\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("space before", " GET / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("LF lines", "GET / HTTP/1.1\nHost: a\n\n", BAD),
    refused("LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", BAD),
    refused("LF ends the head", "GET / HTTP/1.1\r\nHost: a\r\n\n", BAD),
    refused("CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n", BAD),
    refused("CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\r\n\r\n", BAD),
    refused("NUL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\0z\r\n\r\n", BAD),
    refused("DEL in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: y\u{7f}z\r\n\r\n", BAD),
    refused("folded", "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n", BAD),
    refused("no colon", "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", BAD),
    refused("no name", "GET / HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n", BAD),
    refused("space in a name", "GET / HTTP/1.1\r\nHost: a\r\nX Y: z\r\n\r\n", BAD),
    refused("other bytes in a name", "GET / HTTP/1.1\r\nHost: a\r\n\u{e4}: z\r\n\r\n", BAD),
    refused("a request line as field", "GET / HTTP/1.1\r\nHost: a\r\nGET /evil HTTP/1.1\r\n\r\n", BAD),
    refused("two spaces", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("tab", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("space after the version", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", BAD),
    refused("space in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("bytes in the target", "GET /\u{e4} HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("fragment", "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("target without a slash", "GET evil HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("asterisk", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("no method", "/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("method with a colon", "GE:T / HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("HTTP/0.9", "GET /\r\n\r\n", BAD),
    refused("small letters", "GET / http/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", BAD),
    refused("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", &[505]),
    refused("HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[505]),
    refused("CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", &[501]),
    refused("TLS", "\u{16}\u{3}\u{1}\u{2}\0\u{1}", BAD),
    refused(
        "other expectation",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue, x\r\nContent-Length: 5\r\n\r\nhello",
        &[417],
    ),
];

const HOSTS: &[Shape] = &[
    served("with a port", "GET / HTTP/1.1\r\nHost: a:8080\r\n\r\n"),
    served("absolute target", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"),
    served("absolute target without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n"),
    refused("none", "GET / HTTP/1.1\r\n\r\n", BAD),
    refused("empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", BAD),
    refused("two", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", BAD),
    refused("the same twice", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", BAD),
    refused("a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", BAD),
    refused("two in one", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", BAD),
    refused("user", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", BAD),
    refused("path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", BAD),
    refused("odd port", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", BAD),
    refused("space before the colon", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", BAD),
    refused("absolute target says otherwise", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("absolute target with a user", "GET http://a@b/ HTTP/1.1\r\nHost: a@b\r\n\r\n", BAD),
    refused("other scheme", "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", BAD),
    refused("named by Connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection: host\r\n\r\n", BAD),
];

/// Sends a shape in pieces of `piece` bytes; the statuses that come back.
async fn statuses(world: &World, shape: &Shape, piece: usize) -> Vec<u16> {
    let client = world.connect().await;
    let (mut reader, mut writer) = client.0.into_split();
    let bytes = [shape.bytes, AFTER].concat().into_bytes();
    let writing = tokio::spawn(async move {
        for piece in bytes.chunks(piece) {
            // The gateway may have closed already.
            if writer.write_all(piece).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        writer
    });
    let mut answers = Vec::new();
    let _ = within(reader.read_to_end(&mut answers)).await;
    let _writer = writing.await;
    let answers = String::from_utf8_lossy(&answers).into_owned();
    answers.split("HTTP/1.1 ").skip(1).map(|answer| answer[..3].parse().expect("a status")).collect()
}

async fn check(shapes: &[Shape]) {
    for shape in shapes {
        for piece in [usize::MAX, 1] {
            let instance = Instance::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            let world = World::new(&[instance.address]).await;
            // The connection ends in all cases, or this does not return.
            let got = statuses(&world, shape, piece).await;
            assert_eq!(got, shape.statuses, "{} ({:?})", shape.name, shape.bytes);
            let received = instance.received();
            let targets: Vec<_> = received.iter().map(|request| request.target()).collect();
            assert_eq!(targets, shape.targets, "{} ({:?})", shape.name, shape.bytes);
            assert!(received.iter().all(|request| !request.head.contains("/evil")), "{}", shape.name);
        }
    }
}

#[tokio::test]
async fn lengths() {
    check(LENGTHS).await;
}

#[tokio::test]
async fn codings() {
    check(CODINGS).await;
}

#[tokio::test]
async fn chunks() {
    check(CHUNKS).await;
}

#[tokio::test]
async fn lines() {
    check(LINES).await;
}

#[tokio::test]
async fn hosts() {
    check(HOSTS).await;
}
