//! One line of the access log.

use std::io::Write as _;

/// One ended exchange.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccessEntry<'a> {
    /// The route's label; empty if none was found.
    pub route: &'a str,
    /// The variant that was drawn.
    pub variant: &'a str,
    /// The pool's id; empty for a fan-out or if none was found.
    pub pool: &'a str,
    /// The instance that answered.
    pub endpoint: &'a str,
    /// The calling service, if the listener tells.
    pub caller: &'a str,
    /// Who connected.
    pub peer: Option<std::net::SocketAddr>,
    /// The method.
    pub method: &'a str,
    /// The host that was asked for.
    pub host: &'a str,
    /// Path and query as they came.
    pub target: &'a str,
    /// The answer's status; 0 if none was sent.
    pub status: u16,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// From the request's first byte to the answer's last.
    pub duration_us: u64,
    /// How many endpoints were tried.
    pub attempts: u16,
    /// Why the gateway itself answered or gave up, in a word; empty if it did not.
    pub reason: &'a str,
    /// The 32 hexadecimal digits of the trace, if there are any.
    pub trace: &'a str,
}

impl AccessEntry<'_> {
    /// Appends the entry as a line of JSON; fields that are empty are left out. `time` is RFC 3339.
    pub(super) fn write(&self, time: &[u8], line: &mut Vec<u8>) {
        line.extend_from_slice(b"{\"time\":\"");
        line.extend_from_slice(time);
        line.push(b'"');
        text(line, "method", self.method);
        text(line, "host", self.host);
        text(line, "target", self.target);
        number(line, "status", u64::from(self.status));
        number(line, "duration_us", self.duration_us);
        number(line, "bytes_in", self.bytes_in);
        number(line, "bytes_out", self.bytes_out);
        if let Some(peer) = self.peer {
            // Digits, dots and colons need no escape.
            let _ = write!(line, ",\"peer\":\"{}\"", peer.ip());
        }
        text(line, "caller", self.caller);
        text(line, "route", self.route);
        text(line, "variant", self.variant);
        text(line, "pool", self.pool);
        text(line, "endpoint", self.endpoint);
        if self.attempts != 1 {
            number(line, "attempts", u64::from(self.attempts));
        }
        text(line, "reason", self.reason);
        text(line, "trace", self.trace);
        line.extend_from_slice(b"}\n");
    }
}

fn key(line: &mut Vec<u8>, key: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(key.as_bytes());
    line.extend_from_slice(b"\":");
}

fn text(line: &mut Vec<u8>, name: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    key(line, name);
    line.push(b'"');
    let mut rest = value.as_bytes();
    // Nearly every value is plain from end to end and is copied at once.
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20 | 0x7f)) {
        line.extend_from_slice(&rest[..at]);
        match rest[at] {
            byte @ (b'"' | b'\\') => line.extend_from_slice(&[b'\\', byte]),
            byte => _ = write!(line, "\\u{byte:04x}"),
        }
        rest = &rest[at + 1..];
    }
    line.extend_from_slice(rest);
    line.push(b'"');
}

fn number(line: &mut Vec<u8>, name: &str, mut value: u64) {
    key(line, name);
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    line.extend_from_slice(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_says_what_is_known() {
        let entry = AccessEntry {
            route: "invoices/prod/invoices",
            pool: "invoices-prod-invoice-app-1",
            peer: Some(([127, 0, 0, 1], 4711).into()),
            method: "GET",
            host: "invoices.localhost",
            target: "/invoices?x=\"",
            status: 200,
            bytes_out: 18_446_744_073_709_551_615,
            duration_us: 1203,
            attempts: 1,
            ..AccessEntry::default()
        };
        let mut line = Vec::new();
        entry.write(b"2025-01-31T12:00:00.001Z", &mut line);
        insta::assert_snapshot!(String::from_utf8(line).unwrap().trim_end(), @r#"{"time":"2025-01-31T12:00:00.001Z","method":"GET","host":"invoices.localhost","target":"/invoices?x=\"","status":200,"duration_us":1203,"bytes_in":0,"bytes_out":18446744073709551615,"peer":"127.0.0.1","route":"invoices/prod/invoices","pool":"invoices-prod-invoice-app-1"}"#);
    }

    proptest! {
        #[test]
        fn every_target_is_one_line_of_json(target in "\\PC*|[\\x00-\\x7f]*", bytes_in: u64, status: u16) {
            let mut line = Vec::new();
            AccessEntry { target: &target, bytes_in, status, ..AccessEntry::default() }.write(b"now", &mut line);
            prop_assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
            let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(value.get("target").and_then(|v| v.as_str()).unwrap_or(""), target);
            prop_assert_eq!(&value["bytes_in"], &serde_json::json!(bytes_in));
        }
    }
}
