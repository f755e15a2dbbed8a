//! The answers that the gateway writes itself when several services were asked.

use super::execution::Said;
use crate::proxy::buffered::BufferedAnswer;
use bytes::Bytes;
use seaworthy_model::Digest;
use seaworthy_model::release::{Answer, Fanout};
use serde_json::{Value, json};

/// How much of an answer is shown to tell it from others.
const EXCERPT_CHARACTERS: usize = 200;

/// Every answer in one document, in the declared order.
pub(super) fn all(fanout: &Fanout, said: &[Option<Said>]) -> Bytes {
    let entry = |service: &str, said: &Option<Said>| match said {
        Some(Ok(answer)) => with_body(service, answer),
        Some(Err(error)) => json!({ "service": service, "error": error.to_string() }),
        None => json!({ "service": service, "error": "timed out" }),
    };
    bytes(&json!({ "answers": entries(fanout, said, entry) }))
}

/// Why there is no answer: who said what. Whoever said nothing was too late, or was not waited for.
pub(super) fn none(fanout: &Fanout, said: &[Option<Said>], too_late: bool) -> Bytes {
    let services = said.len();
    let error = match fanout.answer {
        Answer::First => "no service succeeded".to_owned(),
        Answer::Quorum => format!("no quorum: {} of {services} services must agree", services / 2 + 1),
        Answer::All => "no service answered".to_owned(),
    };
    let entry = |service: &str, said: &Option<Said>| match said {
        Some(Ok(answer)) => {
            let text = String::from_utf8_lossy(&answer.body);
            let excerpt: String = text.chars().take(EXCERPT_CHARACTERS).collect();
            let digest = Digest::of(&answer.body);
            json!({ "service": service, "status": answer.head.status, "digest": digest, "excerpt": excerpt })
        }
        Some(Err(error)) => json!({ "service": service, "error": error.to_string() }),
        None if too_late => json!({ "service": service, "error": "timed out" }),
        None => json!({ "service": service, "error": "not awaited: its answer could change nothing" }),
    };
    bytes(&json!({ "error": error, "services": entries(fanout, said, entry) }))
}

fn entries(fanout: &Fanout, said: &[Option<Said>], entry: impl Fn(&str, &Option<Said>) -> Value) -> Vec<Value> {
    fanout.services.iter().zip(said).map(|(service, said)| entry(service.as_str(), said)).collect()
}

/// JSON stays JSON, text becomes a string; what is neither is written in base64 (RFC 4648 section 4).
fn with_body(service: &str, answer: &BufferedAnswer) -> Value {
    let status = answer.head.status;
    let is_json = answer.head.fields().get("content-type").is_some_and(is_json);
    if is_json && let Ok(body) = serde_json::from_slice::<Value>(&answer.body) {
        return json!({ "service": service, "status": status, "body": body });
    }
    match std::str::from_utf8(&answer.body) {
        Ok(text) => json!({ "service": service, "status": status, "body": text }),
        Err(_) => json!({ "service": service, "status": status, "body_base64": base64(&answer.body) }),
    }
}

/// `application/json` and `application/problem+json`, whatever follows.
fn is_json(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let media_type = media_type.to_ascii_lowercase();
    media_type == b"application/json" || media_type.ends_with(b"+json")
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for digit in 0..4 {
            let shown = digit <= group.len();
            let index = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if shown { char::from(DIGITS[index]) } else { '=' });
        }
    }
    text
}

fn bytes(value: &Value) -> Bytes {
    let mut text = format!("{value:#}");
    text.push('\n');
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_rfc_4648_section_10() {
        let pairs =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in pairs {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn which_bodies_are_json() {
        assert!(is_json(b"application/json; charset=utf-8"));
        assert!(is_json(b"Application/Problem+JSON"));
        assert!(!is_json(b"text/html"));
        assert!(!is_json(b"application/jsonlines"));
    }
}
