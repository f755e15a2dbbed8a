//! Commands that run by the clock.

use crate::Name;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The longest schedule, in bytes.
const SCHEDULE_BYTES_MAX: usize = 200;
/// Some time or other: a schedule that is not due after it never is.
const SOME_TIME: DateTime = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);

/// A `[jobs.NAME]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// In the image, with the values and behind the walls of this service.
    pub service: Name,
    /// Program and arguments; no shell.
    pub run: Vec<String>,
    /// When: minute, hour, day of the month, month, day of the week (crontab(5)).
    pub schedule: String,
    /// The time zone of the schedule, as the tz database names it; `None`: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// How long one run may take.
    pub time_limit: Duration,
    /// In these environments alone; none: in all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub environments: Vec<Name>,
}

impl Job {
    /// Whether it runs in an environment.
    #[must_use]
    pub fn is_for(&self, environment: &Name) -> bool {
        self.environments.is_empty() || self.environments.contains(environment)
    }

    /// The name of its time zone.
    #[must_use]
    pub fn zone(&self) -> &str {
        self.timezone.as_deref().unwrap_or("UTC")
    }
}

/// A text that is no schedule of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSchedule {
    /// Not five fields of a crontab, and no `@daily` or the like.
    #[error("is no schedule")]
    Unknown,
    /// The 30th of February.
    #[error("is never due")]
    Never,
}

/// Reads the five fields of a crontab(5), or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`.
///
/// # Errors
/// [`InvalidSchedule`].
pub fn schedule(text: &str) -> Result<Cron, InvalidSchedule> {
    if text.len() > SCHEDULE_BYTES_MAX {
        return Err(InvalidSchedule::Unknown);
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron = parser.parse(text).map_err(|_| InvalidSchedule::Unknown)?;
    cron.find_next_occurrence(&SOME_TIME, false).map_err(|_| InvalidSchedule::Never)?;
    Ok(cron)
}

/// A time zone by its name in the tz database that comes with this program: the same everywhere.
#[must_use]
pub fn time_zone(name: &str) -> Option<TimeZone> {
    TimeZoneDatabase::bundled().get(name).ok()
}

/// The names of all time zones.
#[must_use]
pub fn time_zones() -> Vec<String> {
    TimeZoneDatabase::bundled().available().map(|name| name.as_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn schedules_are_those_of_crontabs() {
        for good in ["30 3 * * *", "*/15 8-18 * * MON-FRI", "0 0 L * *", "0 0 29 2 *", "@daily", "  0  0 1,15 JAN *  "]
        {
            assert!(schedule(good).is_ok(), "{good}");
        }
        for bad in ["", "* * * *", "0 * * * * *", "* * * * * UTC", "60 * * * *", "*/0 * * * *", "daily", "@reboot"] {
            assert_eq!(schedule(bad).expect_err(bad), InvalidSchedule::Unknown, "{bad}");
        }
        assert_eq!(schedule(&"1,".repeat(200)).expect_err("long"), InvalidSchedule::Unknown);
        for never in ["0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
            assert_eq!(schedule(never).expect_err(never), InvalidSchedule::Never, "{never}");
        }
    }

    #[test]
    fn time_zones_are_those_of_the_tz_database() {
        for good in ["UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Etc/GMT+2"] {
            assert!(time_zone(good).is_some(), "{good}");
        }
        for bad in ["", "Europe/Atlantis", "../etc/passwd", "/etc/localtime", "CEST-2"] {
            assert!(time_zone(bad).is_none(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text: String, fields in proptest::collection::vec("[0-9*/,LW#MON-]{1,6}", 5..6)) {
            let _ = (schedule(&text), time_zone(&text), schedule(&fields.join(" ")));
        }
    }
}
