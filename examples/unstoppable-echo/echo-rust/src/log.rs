//! One JSON object per line on standard output.

use std::io::Write;
use std::time::{Duration, SystemTime};

use crate::clock;
use crate::phrase;
use crate::request::Request;

/// A path is cut to this many bytes in a log line.
const PATH_BYTES_MAX: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

impl Level {
    pub fn named(name: &str) -> Option<Self> {
        [Self::Debug, Self::Info, Self::Warn, Self::Error].into_iter().find(|level| level.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

#[derive(Clone, Copy)]
pub struct Log {
    least: Level,
}

impl Log {
    pub fn new(least: Level) -> Self {
        Self { least }
    }

    pub fn event(self, level: Level, message: &str) {
        self.write(level, message, "");
    }

    /// The line of one answered request; `request` is absent when it could not be read.
    pub fn request(self, request: Option<&Request>, status: u16, duration: Duration) {
        let (method, target) = request.map_or(("", b"".as_slice()), |request| (&request.method, &request.target));
        let path = phrase::path(target);
        let path = String::from_utf8_lossy(&path[..path.len().min(PATH_BYTES_MAX)]);
        let milliseconds = duration.as_secs_f64() * 1000.0;
        let mut fields = format!(
            r#","method":{},"path":{},"status":{status},"duration_ms":{milliseconds:.3}"#,
            json_string(method),
            json_string(&path)
        );
        if let Some(traceparent) = request.and_then(|request| request.traceparent.as_deref()) {
            fields += &format!(r#","traceparent":"{traceparent}""#);
        }
        self.write(Level::Info, "request", &fields);
    }

    fn write(self, level: Level, message: &str, fields: &str) {
        if level < self.least {
            return;
        }
        let time = clock::rfc3339(SystemTime::now());
        let message = json_string(message);
        let line = format!("{{\"time\":\"{time}\",\"level\":\"{}\",\"message\":{message}{fields}}}\n", level.name());
        // A reader of the log that went away is no reason to stop serving.
        let _ = std::io::stdout().lock().write_all(line.as_bytes());
    }
}

fn json_string(text: &str) -> String {
    let mut output = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => output.push_str("\\\""),
            '\\' => output.push_str("\\\\"),
            control if control < ' ' => output.push_str(&format!("\\u{:04x}", control as u32)),
            other => output.push(other),
        }
    }
    output.push('"');
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_quoted_as_json_wants_it() {
        assert_eq!(json_string("a\"b\\c\n\u{1}ü"), r#""a\"b\\c\u000a\u0001ü""#);
    }

    #[test]
    fn levels_are_ordered_and_named() {
        assert!(Level::Debug < Level::Info && Level::Warn < Level::Error);
        assert_eq!(Level::named("warn"), Some(Level::Warn));
        assert_eq!(Level::named("WARN"), None);
    }
}
