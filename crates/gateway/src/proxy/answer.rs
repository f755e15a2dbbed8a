//! Answers of the gateway itself.

use super::date;
use crate::http1::{HeadWriter, Method, RequestHead};
use std::time::Duration;

/// An answer that no instance gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OwnAnswer {
    /// The status.
    pub(super) status: u16,
    /// Why, in a word, for the access log.
    pub(super) reason: &'static str,
    /// Why, in a sentence, for the client.
    pub(super) message: &'static str,
    /// When to come again.
    pub(super) retry_after: Option<Duration>,
}

impl OwnAnswer {
    pub(super) const fn new(status: u16, reason: &'static str, message: &'static str) -> Self {
        Self { status, reason, message, retry_after: None }
    }

    pub(super) const NOT_FOUND: Self = Self::new(404, "no-route", "no route leads to this host and path");
    pub(super) const TIMEOUT: Self = Self::new(408, "request-timeout", "the request did not come in time");
    pub(super) const TOO_LARGE: Self = Self::new(413, "body-too-large", "the request's body is too large");
    pub(super) const BAD_BODY: Self = Self::new(400, "bad-body", "the request's body is malformed");
    pub(super) const BROKEN: Self = Self::new(502, "broken", "the service closed the connection without an answer");
    pub(super) const UNREACHED: Self = Self::new(502, "unreached", "no instance of the service accepts connections");
    pub(super) const BAD_ANSWER: Self = Self::new(502, "bad-answer", "the service's answer is malformed");
    pub(super) const NO_ANSWER: Self = Self::new(504, "no-answer", "the service did not answer in time");
    pub(super) const DRAINED: Self = Self::new(504, "drained", "the service did not answer before it was replaced");
    pub(super) const MOVING: Self = Self::unavailable("moving", "the routes change too often", Duration::from_secs(1));

    /// No instance, or none for as long as a request may wait.
    pub(super) const fn unavailable(reason: &'static str, message: &'static str, retry_after: Duration) -> Self {
        Self { status: 503, reason, message, retry_after: Some(retry_after) }
    }
}

/// The phrase of a status that the gateway uses (RFC 9110 section 15).
const fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        417 => "Expectation Failed",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}

/// Writes an own answer: JSON for those who ask for it, else text.
pub(super) fn write(out: &mut Vec<u8>, answer: OwnAnswer, request: Option<&RequestHead>, close: bool) {
    let json = request.and_then(|request| request.fields().get("accept")).is_some_and(accepts_json);
    let OwnAnswer { status, message, .. } = answer;
    let body = if json {
        format!("{{\"status\":{status},\"error\":\"{message}\"}}\n")
    } else {
        format!("{status} {message}\n")
    };
    let retry_after = answer.retry_after.map(|time| time.as_secs().max(1).to_string());
    let field = retry_after.as_ref().map(|seconds| (&b"Retry-After"[..], seconds.as_bytes()));
    let shape = Shape { status, json, field, close, head_only: request.is_some_and(|r| r.method == Method::Head) };
    write_body(out, shape, body.as_bytes());
}

/// How a body of the gateway's own goes out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'a> {
    pub(super) status: u16,
    pub(super) json: bool,
    /// One more field.
    pub(super) field: Option<(&'a [u8], &'a [u8])>,
    pub(super) close: bool,
    /// The request was HEAD.
    pub(super) head_only: bool,
}

/// Writes an answer with a body of the gateway's own.
pub(super) fn write_body(out: &mut Vec<u8>, shape: Shape<'_>, body: &[u8]) {
    let content_type: &[u8] = if shape.json { b"application/json" } else { b"text/plain; charset=utf-8" };
    let mut writer = HeadWriter::response(out, shape.status, phrase(shape.status).as_bytes());
    writer.field(b"Content-Type", content_type).length(body.len() as u64);
    writer.field(b"Cache-Control", b"no-store").field(b"Date", &date::now());
    if let Some((name, value)) = shape.field {
        writer.field(name, value);
    }
    if shape.close {
        writer.field(b"Connection", b"close");
    }
    writer.end();
    if !shape.head_only {
        out.extend_from_slice(body);
    }
}

fn accepts_json(accept: &[u8]) -> bool {
    accept
        .split(|byte| matches!(byte, b',' | b';'))
        .any(|part| crate::http1::trim(part).eq_ignore_ascii_case(b"application/json"))
}
