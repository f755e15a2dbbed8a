//! Durations, sizes and shares as people write them: `500ms`, `256MiB`, `10%`.

use std::time::Duration;

/// The longest duration that a manifest may ask for: a year. Keeps every sum of times far from overflow.
pub const DURATION_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

const DURATION_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

const SIZE_UNITS: [(&str, u64); 7] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("B", 1),
];

/// A text that is no duration, size or share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUnit {
    /// Not digits and a known unit.
    #[error("not a duration")]
    Duration,
    /// A duration above [`DURATION_MAX`].
    #[error("longer than a year")]
    TooLong,
    /// Not digits and a known unit, or beyond 64 bits.
    #[error("not a size")]
    Size,
    /// Not digits and `%`, or not from 1 to 100.
    #[error("not a percentage")]
    Percentage,
}

/// Reads `500ms`, `30s`, `10m`, `1h` or `7d`.
///
/// # Errors
/// When it is anything else, or longer than [`DURATION_MAX`].
pub fn parse_duration(text: &str) -> Result<Duration, InvalidUnit> {
    let (number, unit) = split(text).ok_or(InvalidUnit::Duration)?;
    let factor = DURATION_UNITS.iter().find(|(name, _)| *name == unit).ok_or(InvalidUnit::Duration)?.1;
    let duration = Duration::from_millis(number.checked_mul(factor).ok_or(InvalidUnit::TooLong)?);
    if duration > DURATION_MAX { Err(InvalidUnit::TooLong) } else { Ok(duration) }
}

/// A duration of whole milliseconds in the largest unit that divides it, so that [`parse_duration`] gives it back.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    if millis == 0 {
        return "0s".to_owned();
    }
    let fitting = DURATION_UNITS.iter().rev().find(|(_, factor)| millis.is_multiple_of(u128::from(*factor)));
    let (unit, factor) = fitting.unwrap_or(&DURATION_UNITS[0]);
    format!("{}{unit}", millis / u128::from(*factor))
}

/// Reads `256MB` (millions), `256MiB` (2^20) and the like, in bytes.
///
/// # Errors
/// When it is anything else, or more than 64 bits hold.
pub fn parse_size(text: &str) -> Result<u64, InvalidUnit> {
    let (number, unit) = split(text).ok_or(InvalidUnit::Size)?;
    let factor = SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or(InvalidUnit::Size)?.1;
    number.checked_mul(factor).ok_or(InvalidUnit::Size)
}

/// A size in the largest unit that divides it, so that [`parse_size`] gives it back.
#[must_use]
pub fn format_size(bytes: u64) -> String {
    let fitting = SIZE_UNITS.iter().filter(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    let (unit, factor) = fitting.max_by_key(|(_, factor)| *factor).unwrap_or(&("B", 1));
    format!("{}{unit}", bytes / factor)
}

/// A size as people say it, to a tenth of the largest binary unit that it fills: `11.8 GiB`, `512 MiB`.
#[must_use]
pub fn round_size(bytes: u64) -> String {
    let units = [("GiB", 1_u64 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let Some((unit, factor)) = units.into_iter().find(|(_, factor)| bytes >= *factor) else {
        return format!("{bytes} B");
    };
    // Rounded down: a limit is never said to be more than it is.
    let tenths = u128::from(bytes) * 10 / u128::from(factor);
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        tenth => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

/// Reads `10%`, from 1 to 100.
///
/// # Errors
/// When it is anything else.
pub fn parse_percentage(text: &str) -> Result<u8, InvalidUnit> {
    let (number, unit) = split(text).ok_or(InvalidUnit::Percentage)?;
    match u8::try_from(number) {
        Ok(percentage @ 1..=100) if unit == "%" => Ok(percentage),
        _ => Err(InvalidUnit::Percentage),
    }
}

/// The number at the start (at most 64 bits) and the rest.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number = text[..digits].parse().ok()?;
    Some((number, &text[digits..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_people_write() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("10m"), Ok(Duration::from_secs(600)));
        assert_eq!(parse_size("256MB"), Ok(256_000_000));
        assert_eq!(parse_size("256MiB"), Ok(268_435_456));
        assert_eq!(parse_percentage("10%"), Ok(10));
    }

    #[test]
    fn sizes_are_rounded_for_people() {
        let sizes = [0, 1023, 1 << 10, 1 << 29, 1 << 30, 12_342_046 << 10, (1 << 30) - 1, u64::MAX];
        let said = sizes.map(round_size);
        let expected = ["0 B", "1023 B", "1 KiB", "512 MiB", "1 GiB", "11.7 GiB", "1023.9 MiB", "17179869183.9 GiB"];
        assert_eq!(said, expected);
    }

    #[test]
    fn refuses_the_rest() {
        for text in ["", "s", "10", "-1s", "1.5s", "1 s", "1S", "10 minutes", "٣s", "99999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
        assert_eq!(parse_duration("366d"), Err(InvalidUnit::TooLong));
        assert_eq!(parse_duration("18446744073709551615d"), Err(InvalidUnit::TooLong));
        for text in ["", "1", "1mb", "18446744073709551615GiB", "-1B"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        for text in ["0%", "101%", "10", "%", "10 %"] {
            assert!(parse_percentage(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn durations_come_back(millis in 0..=365_u64 * 86_400_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn sizes_come_back(bytes: u64) {
            prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
        }

        #[test]
        fn nothing_panics(text: String) {
            let _ = (parse_duration(&text), parse_size(&text), parse_percentage(&text));
        }
    }
}
