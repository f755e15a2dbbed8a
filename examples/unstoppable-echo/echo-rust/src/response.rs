//! What is answered to what, and how it is written.

use std::time::SystemTime;

use crate::clock;
use crate::phrase;
use crate::request::{Refusal, Request};

#[derive(Debug, PartialEq)]
pub struct Response {
    pub status: u16,
    content_type: &'static str,
    body: String,
}

impl Response {
    pub fn to_request(request: &Request) -> Self {
        match request.method.as_str() {
            "GET" | "HEAD" if !request.target.starts_with(b"/") => Self::to_refusal(Refusal::Malformed),
            "GET" | "HEAD" if phrase::path(&request.target) == b"/healthz" => Self::text(200, "ok"),
            "GET" | "HEAD" => {
                let body = phrase::page(&request.target);
                Self { status: 200, content_type: "text/html; charset=utf-8", body }
            }
            _ => Self::text(405, "only GET and HEAD are served here\n"),
        }
    }

    pub fn to_refusal(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::text(400, "the request is malformed\n"),
            Refusal::TargetTooLong => Self::text(414, "the request target is longer than 32 KiB\n"),
            Refusal::HeadTooLarge => Self::text(431, "the request head is too large\n"),
        }
    }

    fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    /// The bytes to send, in one piece so that they are sent at once.
    pub fn encode(&self, without_body: bool, keep_alive: bool) -> Vec<u8> {
        let mut output = format!(
            "HTTP/1.1 {} {}\r\n\
             date: {}\r\n\
             content-type: {}\r\n\
             content-length: {}\r\n\
             content-security-policy: default-src 'none'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'\r\n\
             x-content-type-options: nosniff\r\n\
             cache-control: no-store\r\n",
            self.status,
            reason(self.status),
            clock::http_date(SystemTime::now()),
            self.content_type,
            self.body.len(),
        );
        if self.status == 405 {
            output.push_str("allow: GET, HEAD\r\n");
        }
        output.push_str(if keep_alive { "connection: keep-alive\r\n\r\n" } else { "connection: close\r\n\r\n" });
        if !without_body {
            output.push_str(&self.body);
        }
        output.into_bytes()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        405 => "Method Not Allowed",
        414 => "URI Too Long",
        431 => "Request Header Fields Too Large",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn respond(method: &str, target: &str) -> Response {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: x\r\n\r\n");
        Response::to_request(&Request::parse(head.as_bytes()).unwrap())
    }

    #[test]
    fn health_is_that_exact_path() {
        assert_eq!(respond("GET", "/healthz?verbose").body, "ok");
        assert!(respond("GET", "/%68ealthz").body.contains("healthz right back at ya!"));
    }

    #[test]
    fn other_methods_are_told_which_there_are() {
        let response = respond("POST", "/hi!");
        assert_eq!(response.status, 405);
        assert!(String::from_utf8(response.encode(false, true)).unwrap().contains("\r\nallow: GET, HEAD\r\n"));
        assert_eq!(respond("GET", "http://x/hi!").status, 400);
    }

    #[test]
    fn head_announces_the_body_and_leaves_it_out() {
        let response = respond("HEAD", "/hi!");
        let text = String::from_utf8(response.encode(true, false)).unwrap();
        assert!(text.ends_with("\r\n\r\n"));
        assert!(text.contains(&format!("\r\ncontent-length: {}\r\n", response.body.len())));
    }
}
