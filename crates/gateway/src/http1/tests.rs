//! Properties of the codec as a whole.

use super::*;
use crate::limits::Limits;
use proptest::prelude::*;

#[derive(Debug, PartialEq, Eq, Default)]
struct ReadRequest {
    method: String,
    target: String,
    fields: Vec<(Vec<u8>, Vec<u8>)>,
    content: Vec<u8>,
    trailers: Vec<u8>,
}

/// What a reader of one connection's bytes makes of them: requests with their bodies, then how it ended.
#[derive(Debug, PartialEq, Eq, Default)]
struct Reading {
    requests: Vec<ReadRequest>,
    refused: Option<String>,
    /// The most bytes that ever waited.
    waiting_max: usize,
}

/// Feeds `pieces` one after another, as reads from a socket would come.
fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, limits: &Limits) -> Reading {
    let mut reading = Reading::default();
    let mut waiting = Vec::new();
    let mut decoder = RequestDecoder::default();
    let mut head = RequestHead::default();
    let mut body: Option<BodyDecoder> = None;
    for piece in pieces {
        waiting.extend_from_slice(piece);
        if let Err(error) = advance(&mut reading, &mut waiting, &mut decoder, &mut head, &mut body, limits) {
            reading.refused = Some(error);
            break;
        }
        reading.waiting_max = reading.waiting_max.max(waiting.len());
    }
    reading
}

fn advance(
    reading: &mut Reading,
    waiting: &mut Vec<u8>,
    decoder: &mut RequestDecoder,
    head: &mut RequestHead,
    body: &mut Option<BodyDecoder>,
    limits: &Limits,
) -> Result<(), String> {
    loop {
        let Some(reader) = body else {
            let Some(length) = decoder.decode(waiting, limits, head).map_err(|error| error.to_string())? else {
                return Ok(());
            };
            waiting.drain(..length);
            let fields = head.fields().iter().map(|field| (field.name.to_vec(), field.value.to_vec())).collect();
            let method = String::from_utf8_lossy(head.method_bytes()).into_owned();
            let target = format!("{} {}", head.host(), head.target());
            reading.requests.push(ReadRequest { method, target, fields, ..ReadRequest::default() });
            *body = Some(BodyDecoder::new(head.framing, limits));
            continue;
        };
        let (length, event) = reader.decode(waiting).map_err(|error| error.to_string())?;
        let request = reading.requests.last_mut().expect("a body follows a head");
        match event {
            BodyEvent::Data(data) => request.content.extend_from_slice(data),
            BodyEvent::End { trailers } => request.trailers.extend_from_slice(trailers.unwrap_or_default()),
            BodyEvent::Starved => {
                waiting.drain(..length);
                return Ok(());
            }
        }
        let ended = matches!(event, BodyEvent::End { .. });
        waiting.drain(..length);
        if ended {
            *body = None;
        }
    }
}

fn whole(bytes: &[u8]) -> Reading {
    read(std::iter::once(bytes), &Limits::DEFAULT)
}

/// Cuts `bytes` at `cuts` (taken modulo its length).
fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([0, bytes.len()]).collect();
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

prop_compose! {
    /// A body's framing fields and bytes, and its content.
    fn body()(
        chunked in any::<bool>(),
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..4),
        trailer in any::<bool>(),
    ) -> (Vec<u8>, Vec<u8>) {
        let content = pieces.concat();
        let mut bytes = Vec::new();
        if chunked {
            bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            for piece in &pieces {
                write_chunk(&mut bytes, piece);
            }
            write_last_chunk(&mut bytes);
            bytes.extend_from_slice(if trailer { b"X-Sum: 1\r\n\r\n" } else { b"\r\n" });
        } else {
            bytes.extend_from_slice(format!("Content-Length: {}\r\n\r\n", content.len()).as_bytes());
            bytes.extend_from_slice(&content);
        }
        (bytes, content)
    }
}

prop_compose! {
    /// Bytes of a well-formed request, and its content.
    fn request()(
        method in "[A-Z]{1,8}",
        path in "/[a-z0-9/%?=&.]{0,20}",
        host in "[a-z]{1,8}(:[0-9]{1,4})?",
        fields in prop::collection::vec(("x-[a-z]{1,9}", "[!-~]([ -~]{0,12}[!-~])?"), 0..5),
        body in body(),
    ) -> (Vec<u8>, Vec<u8>) {
        let mut bytes = Vec::new();
        let method = if method == "CONNECT" { "GET".to_owned() } else { method };
        let mut writer = HeadWriter::request(&mut bytes, method.as_bytes(), &path);
        writer.field(b"Host", host.as_bytes());
        for (name, value) in &fields {
            writer.field(name.as_bytes(), value.as_bytes());
        }
        bytes.extend_from_slice(&body.0);
        (bytes, body.1)
    }
}

/// Bytes that are nearly a request: the places where readers differ are frequent in them.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let token = prop::sample::select(vec![
        "GET / HTTP/1.1\r\n",
        "POST /a HTTP/1.1\r\n",
        "GET / HTTP/1.0\r\n",
        "Host: a\r\n",
        "Host: b\r\n",
        "Content-Length: 5\r\n",
        "Content-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "\r\n",
        "\n",
        "\r",
        " ",
        "0",
        "5",
        "hello",
        "0\r\n\r\n",
        "5\r\nhello\r\n",
        ";a=b",
        "\t",
        "\0",
        "X: y\r\n",
        "X:\r\n y\r\n",
        "\u{ff}",
        "GET http://a/ HTTP/1.1\r\n",
    ]);
    prop::collection::vec(token, 0..14).prop_map(|tokens| tokens.concat().into_bytes())
}

/// Where to cut.
fn cuts() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(any::<usize>(), 0..12)
}

/// A byte that often means something.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![Just(b'a'), Just(b'0'), Just(b'\r'), Just(b'\n'), any::<u8>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// However the bytes are split, the reading is the same.
    #[test]
    fn any_split_reads_the_same(requests in prop::collection::vec(request(), 1..4), cuts in cuts()) {
        let bytes: Vec<u8> = requests.iter().flat_map(|request| request.0.clone()).collect();
        let split = read(cut(&bytes, &cuts).into_iter(), &Limits::DEFAULT);
        prop_assert_eq!(split.refused, None);
        prop_assert_eq!(split.requests, whole(&bytes).requests);
    }

    /// One request in, one request out, with the content that went in.
    #[test]
    fn decoding_undoes_encoding(requests in prop::collection::vec(request(), 1..4)) {
        let bytes: Vec<u8> = requests.iter().flat_map(|request| request.0.clone()).collect();
        let reading = read(bytes.chunks(1), &Limits::DEFAULT);
        prop_assert_eq!(reading.refused, None);
        prop_assert_eq!(reading.requests.len(), requests.len());
        for (read, sent) in reading.requests.iter().zip(&requests) {
            prop_assert_eq!(&read.content, &sent.1);
        }
    }

    /// The same of bytes that are no request, errors included.
    #[test]
    fn any_split_refuses_the_same(bytes in hostile(), cuts in cuts()) {
        let (split, whole) = (read(cut(&bytes, &cuts).into_iter(), &Limits::DEFAULT), whole(&bytes));
        prop_assert_eq!(split.refused, whole.refused);
        prop_assert_eq!(split.requests, whole.requests);
    }

    /// Never more requests than there are blank lines that could end a head outside of content.
    #[test]
    fn never_two_requests_where_there_was_one(bytes in hostile()) {
        let heads = bytes.windows(4).filter(|window| window == b"\r\n\r\n").count();
        prop_assert!(whole(&bytes).requests.len() <= heads);
    }

    /// Whatever comes, no more than the limits allow waits.
    #[test]
    fn memory_is_bounded(bytes in prop::collection::vec(byte(), 0..4000)) {
        let limits = Limits { head_bytes_max: 256, trailer_bytes_max: 64, ..Limits::DEFAULT };
        let head = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
        prop_assert!(read(bytes.chunks(7), &limits).waiting_max <= 256 + 7);
        prop_assert!(read(std::iter::once(&head[..]).chain(bytes.chunks(7)), &limits).waiting_max <= 256 + 7);
    }

    /// Responses: the same, and the body of one never reads as the next.
    #[test]
    fn responses_survive_any_split(status in 200_u16..600, reason in "[ -~]{0,10}", body in body(), cuts in cuts()) {
        let mut bytes = Vec::new();
        HeadWriter::response(&mut bytes, status, reason.as_bytes());
        bytes.extend_from_slice(&body.0);
        let (mut waiting, mut decoder, mut head) = (Vec::new(), ResponseDecoder::default(), ResponseHead::default());
        let mut found = None;
        for piece in cut(&bytes, &cuts) {
            waiting.extend_from_slice(piece);
            if found.is_none() {
                found = decoder.decode(&waiting, &Limits::DEFAULT, Method::Get, &mut head).expect("well-formed");
            }
        }
        prop_assert_eq!(head.status, status);
        let end = body.0.windows(4).position(|window| window == b"\r\n\r\n").expect("an empty line");
        prop_assert_eq!(&waiting[found.expect("complete")..], &body.0[end + 4..]);
    }
}

fn decode(head: &str) -> Result<RequestHead, HeadError> {
    let mut request = RequestHead::default();
    let length = RequestDecoder::default().decode(head.as_bytes(), &Limits::DEFAULT, &mut request)?;
    assert_eq!(length, Some(head.len()), "{head:?}");
    Ok(request)
}

#[test]
fn reads_what_matters() {
    let head = decode("\r\nGET http://Echo.Localhost.:80/a?b HTTP/1.1\r\nhost: echo.localhost.:80\r\nCookie: a=1; b=2\r\nConnection: close, x-a\r\nX-A:\t v \r\n\r\n")
        .expect("well-formed");
    assert_eq!((head.host(), head.target(), head.path()), ("echo.localhost", "/a?b", "/a"));
    assert_eq!(head.authority(), "Echo.Localhost.:80");
    assert_eq!((head.cookie("b"), head.cookie("c")), (Some(&b"2"[..]), None));
    assert!(head.connection.close && head.connection.name(head.fields(), b"X-a"));
    assert_eq!(head.fields().get("x-a"), Some(&b"v"[..]));
}

#[test]
fn sizes_have_their_own_refusals() {
    let long = "a".repeat(70_000);
    assert_eq!(decode(&format!("GET /{long}")).err(), Some(HeadError::TargetTooLong));
    assert_eq!(
        decode(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..49_200])).err(),
        Some(HeadError::TargetTooLong)
    );
    assert!(decode(&format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", &long[..24_000])).is_ok());
    assert_eq!(decode(&format!("GET / HTTP/1.1\r\nX: {long}")).err(), Some(HeadError::FieldsTooLarge));
    let many = "X: y\r\n".repeat(130);
    assert_eq!(decode(&format!("GET / HTTP/1.1\r\n{many}\r\n")).err(), Some(HeadError::FieldsTooLarge));
}

#[test]
fn versions_and_methods_have_their_own_refusals() {
    assert_eq!(decode("PRI * HTTP/2.0\r\n\r\n").err(), Some(HeadError::Version));
    assert_eq!(decode("GET / HTTP/1.2\r\nHost: a\r\n\r\n").err(), Some(HeadError::Version));
    assert_eq!(decode("GET / http/1.1\r\nHost: a\r\n\r\n").err(), Some(HeadError::StartLine));
    assert_eq!(decode("GET /\r\nHost: a\r\n\r\n").err(), Some(HeadError::StartLine));
    assert_eq!(decode("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n").err(), Some(HeadError::Method));
    assert_eq!(decode("\u{16}\u{3}\u{1}").err(), Some(HeadError::StartLine));
}

#[test]
fn a_head_used_again_allocates_no_more() {
    let bytes = b"GET /path HTTP/1.1\r\nHost: Example\r\nAccept: */*\r\n\r\n";
    let mut head = RequestHead::default();
    for _ in 0..3 {
        RequestDecoder::default().decode(bytes, &Limits::DEFAULT, &mut head).expect("well-formed");
    }
    assert_eq!((head.fields().len(), head.host()), (2, "example"));
}
