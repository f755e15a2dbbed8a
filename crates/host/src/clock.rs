//! The one clock.

use jiff::Timestamp;
use std::time::SystemTime;

/// The time of day.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "this is the one place that asks the system")]
pub fn now() -> SystemTime {
    SystemTime::now()
}

/// A time as RFC 3339 in UTC with microseconds, such as `2025-01-31T12:00:00.000001Z`.
///
/// A time outside the years -9999 to 9999 is written as the Unix epoch.
#[must_use]
pub fn rfc3339(time: SystemTime) -> String {
    let timestamp = Timestamp::try_from(time).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{timestamp:.6}")
}

/// Reads a time as RFC 3339; `None` when it is none.
#[must_use]
pub fn parse(text: &str) -> Option<SystemTime> {
    text.parse::<Timestamp>().ok().map(SystemTime::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn writes_microseconds_and_reads_them_back() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_000_001);
        assert_eq!(rfc3339(time), "2023-11-14T22:13:20.000001Z");
        assert_eq!(parse("2023-11-14T22:13:20.000001Z"), Some(time));
        assert_eq!(parse("yesterday"), None);
    }

    #[test]
    fn cuts_off_what_is_finer_than_a_microsecond_and_keeps_the_length() {
        let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(1_999);
        assert_eq!(rfc3339(time).len(), rfc3339(SystemTime::UNIX_EPOCH).len());
    }
}
