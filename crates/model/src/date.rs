//! Days of the calendar, as people write them: `2027-01-31`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A day of the Gregorian calendar, in UTC, from year 1 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no day of the calendar.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no date")]
pub struct InvalidDate(pub String);

impl Date {
    /// Reads `2027-01-31`.
    ///
    /// # Errors
    /// When it is anything else, or a day that the calendar does not have.
    pub fn parse(text: &str) -> Result<Self, InvalidDate> {
        let invalid = || InvalidDate(text.to_owned());
        let bytes = text.as_bytes();
        let digits = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_digit);
        if bytes.len() != 10 || bytes[4] != b'-' || bytes[7] != b'-' || !(digits(0..4) && digits(5..7) && digits(8..10))
        {
            return Err(invalid());
        }
        let number = |range: std::ops::Range<usize>| text[range].parse::<u16>().map_err(|_| invalid());
        let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
        if year == 0 || day == 0 || day > days_in(year, month) {
            return Err(invalid());
        }
        // Both are below 32.
        Ok(Self { year, month: u8::try_from(month).unwrap_or(12), day: u8::try_from(day).unwrap_or(31) })
    }

    /// The day of a time written as RFC 3339 in UTC, such as `2027-01-31T12:00:00Z`.
    ///
    /// # Errors
    /// When the text does not begin with a day.
    pub fn of_time(rfc3339: &str) -> Result<Self, InvalidDate> {
        Self::parse(rfc3339.get(..10).unwrap_or(rfc3339))
    }
}

/// 0 for a month that does not exist.
fn days_in(year: u16, month: u16) -> u16 {
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 0,
    }
}

impl TryFrom<String> for Date {
    type Error = InvalidDate;

    fn try_from(text: String) -> Result<Self, InvalidDate> {
        Self::parse(&text)
    }
}

impl From<Date> for String {
    fn from(date: Date) -> Self {
        date.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl fmt::Debug for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_days_of_the_calendar_and_nothing_else() {
        for good in ["2027-01-31", "2024-02-29", "2000-02-29", "0001-01-01", "9999-12-31"] {
            assert_eq!(Date::parse(good).unwrap().to_string(), good);
        }
        for bad in ["", "2027-1-31", "2027-02-29", "1900-02-29", "2027-13-01", "2027-00-10", "2027-04-31", "0000-01-01"]
            .into_iter()
            .chain(["2027-01-31Z", "+027-01-31", "2027/01/31", "2027-01-3é", "31.01.2027"])
        {
            assert!(Date::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn days_have_the_order_of_the_calendar() {
        let days = ["2026-12-31", "2027-01-01", "2027-01-31", "2027-02-01"].map(|day| Date::parse(day).unwrap());
        assert!(days.is_sorted());
        assert_eq!(Date::of_time("2027-01-31T23:59:59.999999Z"), Date::parse("2027-01-31"));
    }
}
