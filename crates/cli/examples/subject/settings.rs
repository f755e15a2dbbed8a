//! How the subject behaves, from its environment.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::str::FromStr;
use std::time::Duration;

/// What it speaks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// HTTP/1.1.
    Http,
    /// Bytes, given back.
    Tcp,
    /// Nothing.
    Worker,
}

pub(crate) struct Settings {
    pub(crate) version: String,
    pub(crate) mode: Mode,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) start_delay: Duration,
    /// Zero: at once.
    pub(crate) crash_after: Option<Duration>,
    pub(crate) hang_at_start: bool,
    pub(crate) ignore_term: bool,
    /// SIGTERM ends it at once, whatever it was doing.
    pub(crate) rude_term: bool,
    pub(crate) flood_for: Duration,
    pub(crate) binary_log: bool,
    /// What `/healthz` answers.
    pub(crate) health_status: u16,
    /// Requests that are answered well before all others get 500; health pages do not count.
    pub(crate) fail_after: Option<u64>,
    /// While this file is there, everything but the health page gets 500.
    pub(crate) fail_file: Option<String>,
    /// Gets a line for each request that is no health page.
    pub(crate) record_file: Option<String>,
    /// Where `/call` goes.
    pub(crate) call_url: Option<String>,
    pub(crate) migrate_for: Duration,
    pub(crate) migrate_exit: i32,
}

impl Settings {
    pub(crate) fn from_environment() -> Self {
        Self {
            version: text("VERSION").unwrap_or_else(|| "none".to_owned()),
            mode: match text("MODE").as_deref() {
                Some("tcp") => Mode::Tcp,
                Some("worker") => Mode::Worker,
                _ => Mode::Http,
            },
            host: text("HOST").unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: number("FIXED_PORT").or_else(|| number("PORT")).unwrap_or(0),
            start_delay: milliseconds("START_DELAY_MS"),
            crash_after: match text("CRASH").as_deref() {
                None => None,
                Some("at-start") => Some(Duration::ZERO),
                Some(after) => after.parse().ok().map(Duration::from_millis),
            },
            hang_at_start: text("HANG").as_deref() == Some("at-start"),
            ignore_term: text("IGNORE_TERM").is_some(),
            rude_term: text("RUDE_TERM").is_some(),
            flood_for: milliseconds("FLOOD_MS"),
            binary_log: text("BINARY_LOG").is_some(),
            health_status: number("HEALTH_STATUS").unwrap_or(200),
            fail_after: if text("FAIL").is_some() { Some(0) } else { number("FAIL_AFTER_REQUESTS") },
            fail_file: text("FAIL_FILE"),
            record_file: text("RECORD_FILE"),
            call_url: text("CALL_URL"),
            migrate_for: milliseconds("MIGRATE_MS"),
            migrate_exit: number("MIGRATE_EXIT").unwrap_or(0),
        }
    }

    /// Adds a line to the record, whole: other instances write to it, too.
    pub(crate) fn record(&self, line: &str) {
        if let Some(path) = &self.record_file
            && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path)
        {
            let _ = file.write_all(format!("{line}\n").as_bytes());
        }
    }
}

/// Unset and empty are the same.
fn text(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn number<T: FromStr>(name: &str) -> Option<T> {
    text(name).and_then(|value| value.parse().ok())
}

fn milliseconds(name: &str) -> Duration {
    Duration::from_millis(number(name).unwrap_or(0))
}
