//! Schedules: crontab(5) in a time zone. Where the clock is put forward, a time that does not exist is due right after;
//! where it is put back, a time of day that comes twice is due once, and what is due every so often goes on.

use croner::Cron;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::job::{self, Job};
use std::time::SystemTime;

/// When a job is due.
#[derive(Debug, Clone)]
pub struct Schedule {
    cron: Cron,
    zone: TimeZone,
}

impl Schedule {
    /// A job's schedule.
    ///
    /// # Errors
    /// When this version does not know its time zone or its way to write schedules: another one built the release.
    pub fn of(job: &Job) -> Result<Self, Diagnostic> {
        let help = "it was built by another version: are both ends of the same? `seaworthy node status` tells";
        let cron = job::schedule(&job.schedule)
            .map_err(|error| Diagnostic::user(format!("the schedule `{}` {error}", job.schedule)).help(help))?;
        let zone = job::time_zone(job.zone())
            .ok_or_else(|| Diagnostic::user(format!("there is no time zone `{}` here", job.zone())).help(help))?;
        Ok(Self { cron, zone })
    }

    /// The first due time after this one.
    #[must_use]
    pub fn after(&self, time: SystemTime) -> Option<SystemTime> {
        let next = self.cron.find_next_occurrence(&self.at(time)?, false).ok()?;
        Some(next.timestamp().into())
    }

    /// The last due time after `after` and not after `until`.
    #[must_use]
    pub fn last_between(&self, after: SystemTime, until: SystemTime) -> Option<SystemTime> {
        let last = self.cron.find_previous_occurrence(&self.at(until)?, true).ok()?;
        Some(SystemTime::from(last.timestamp())).filter(|due| *due > after)
    }

    fn at(&self, time: SystemTime) -> Option<Zoned> {
        Some(Timestamp::try_from(time).ok()?.to_zoned(self.zone.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use seaworthy_model::Name;
    use std::time::Duration;

    fn job(text: &str, timezone: Option<&str>) -> Job {
        Job {
            service: Name::new("web").expect("a name"),
            run: vec!["./x".to_owned()],
            schedule: text.to_owned(),
            timezone: timezone.map(str::to_owned),
            time_limit: Duration::from_secs(1),
            environments: Vec::new(),
        }
    }

    fn schedule(text: &str, timezone: Option<&str>) -> Schedule {
        Schedule::of(&job(text, timezone)).expect("a schedule")
    }

    fn at(text: &str) -> SystemTime {
        text.parse::<Timestamp>().expect("a time").into()
    }

    /// The next due times, as they are written.
    fn next(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
        let mut time = at(from);
        let mut times = Vec::new();
        for _ in 0..count {
            time = schedule.after(time).expect("a time");
            times.push(Timestamp::try_from(time).expect("a time").to_string());
        }
        times
    }

    #[test]
    fn a_zone_moves_with_its_summers() {
        let nightly = schedule("30 3 * * *", Some("Europe/Zurich"));
        assert_eq!(nightly.after(at("2026-01-10T12:00:00Z")), Some(at("2026-01-11T02:30:00Z")));
        assert_eq!(nightly.after(at("2026-07-10T12:00:00Z")), Some(at("2026-07-11T01:30:00Z")));
        assert_eq!(schedule("30 3 * * *", None).after(at("2026-07-10T12:00:00Z")), Some(at("2026-07-11T03:30:00Z")));
    }

    #[test]
    fn a_time_that_comes_twice_is_due_once_and_one_that_does_not_come_is_due_right_after() {
        let night = schedule("30 2 * * *", Some("Europe/Zurich"));
        // On 25 October 2026, 3:00 in Zurich becomes 2:00 again; on 29 March, 2:00 becomes 3:00.
        let (autumn, spring) = (next(&night, "2026-10-24T12:00:00Z", 2), next(&night, "2026-03-28T12:00:00Z", 2));
        assert_eq!(autumn, ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]);
        assert_eq!(spring, ["2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"]);
    }

    #[test]
    fn what_is_due_every_so_often_goes_on_through_both() {
        let often = schedule("*/30 * * * *", Some("Europe/Zurich"));
        for from in ["2026-10-24T22:00:00Z", "2026-03-28T22:00:00Z"] {
            let times = next(&often, from, 12);
            for (index, time) in times.iter().enumerate() {
                assert_eq!(at(time), at(from) + Duration::from_secs(1800 * (index as u64 + 1)), "{times:?}");
            }
        }
    }

    #[test]
    fn the_last_day_of_every_month_and_clocks_that_move_by_half_an_hour_are_known() {
        let last = schedule("0 0 L * *", None);
        assert_eq!(last.after(at("2026-12-01T00:00:00Z")), Some(at("2026-12-31T00:00:00Z")));
        let island = schedule("0 0 * * *", Some("Australia/Lord_Howe"));
        assert_eq!(next(&island, "2026-04-04T00:00:00Z", 2), ["2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"]);
    }

    #[test]
    fn only_the_last_of_many_is_found() {
        let often = schedule("* * * * *", None);
        let (from, until) = (at("2026-01-01T00:00:00Z"), at("2027-01-01T00:00:30Z"));
        assert_eq!(often.last_between(from, until), Some(at("2027-01-01T00:00:00Z")));
        let rare = schedule("0 0 29 2 *", None);
        assert_eq!(rare.last_between(at("2024-01-01T00:00:00Z"), until), Some(at("2024-02-29T00:00:00Z")));
        assert_eq!(rare.last_between(at("2025-01-01T00:00:00Z"), until), None);
    }

    #[test]
    fn what_another_version_knew_is_told() {
        let unknown = Schedule::of(&job("* * * * *", Some("Europe/Atlantis"))).expect_err("no such zone");
        assert_eq!(unknown.message, "there is no time zone `Europe/Atlantis` here");
        let unknown = Schedule::of(&job("@reboot", None)).expect_err("no such schedule");
        assert_eq!(unknown.message, "the schedule `@reboot` is no schedule");
    }

    proptest! {
        /// Looking back and looking ahead agree, whatever clocks do meanwhile.
        #[test]
        fn the_last_one_is_the_last_one(
            seconds in 0_u64..4_000_000_000,
            length in 0_u64..1_000_000,
            minute in 0_u8..60,
            hour in prop::sample::select(vec!["*", "*/3", "2", "1-3"]),
            zone in prop::sample::select(vec!["UTC", "America/New_York", "Europe/Zurich", "Australia/Lord_Howe"]),
        ) {
            let schedule = schedule(&format!("{minute} {hour} * * *"), Some(zone));
            let after = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let until = after + Duration::from_secs(length);
            match schedule.last_between(after, until) {
                Some(due) => {
                    prop_assert!(after < due && due <= until);
                    prop_assert!(schedule.after(due).is_none_or(|next| next > until));
                }
                None => prop_assert!(schedule.after(after).is_none_or(|next| next > until)),
            }
        }
    }
}
