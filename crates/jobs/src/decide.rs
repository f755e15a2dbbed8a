//! What is to be done about a job now.

use crate::Schedule;
use std::time::{Duration, SystemTime};

/// How far a clock may be put back without anybody having to doubt it: what was dealt with up to a later time than this
/// was dealt with by a clock that was wrong.
const PUT_BACK_MAX: Duration = Duration::from_secs(24 * 3600);

/// What the journal knows of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Up to when due times have been dealt with; for a new job, when it was first seen.
    pub until: SystemTime,
    /// Whether a run of it is under way.
    pub runs: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Todo {
    /// Nothing before this time; `None`: it is never due again.
    Wait(Option<SystemTime>),
    /// Start a run that was due then. What was missed before it is not made up for.
    Run(SystemTime),
    /// It was due then, and the run before is still under way: leave it out and count that.
    Skip(SystemTime),
}

/// Decides; a clock that was put back starts nothing twice, and one that was years ahead keeps nothing from running.
#[must_use]
pub fn decide(schedule: &Schedule, known: Known, now: SystemTime) -> Todo {
    let is_doubtful = known.until.duration_since(now).is_ok_and(|ahead| ahead > PUT_BACK_MAX);
    let known = if is_doubtful { Known { until: now, ..known } } else { known };
    match schedule.last_between(known.until, now) {
        Some(due) if known.runs => Todo::Skip(due),
        Some(due) => Todo::Run(due),
        None => Todo::Wait(schedule.after(known.until.max(now))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use seaworthy_model::Name;
    use seaworthy_model::job::Job;

    fn hourly() -> Schedule {
        let job = Job {
            service: Name::new("web").expect("a name"),
            run: Vec::new(),
            schedule: "0 * * * *".to_owned(),
            timezone: None,
            time_limit: Duration::ZERO,
            environments: Vec::new(),
        };
        Schedule::of(&job).expect("a schedule")
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn many_that_were_missed_are_one() {
        let known = Known { until: at(100), runs: false };
        assert_eq!(decide(&hourly(), known, at(10 * 3600 + 5)), Todo::Run(at(10 * 3600)));
        let known = Known { until: at(10 * 3600), ..known };
        assert_eq!(decide(&hourly(), known, at(10 * 3600 + 5)), Todo::Wait(Some(at(11 * 3600))));
    }

    #[test]
    fn one_that_is_due_while_another_runs_is_left_out() {
        let known = Known { until: at(100), runs: true };
        assert_eq!(decide(&hourly(), known, at(3600)), Todo::Skip(at(3600)));
    }

    #[test]
    fn a_clock_that_was_put_back_starts_nothing_twice_and_one_that_was_ahead_stops_nothing() {
        let known = Known { until: at(7200), runs: false };
        assert_eq!(decide(&hourly(), known, at(3605)), Todo::Wait(Some(at(10800))));
        let ahead = Known { until: at(30 * 365 * 24 * 3600), runs: false };
        assert_eq!(decide(&hourly(), ahead, at(3605)), Todo::Wait(Some(at(7200))));
    }

    proptest! {
        /// However often and whenever it is looked at, each due time is dealt with at most once, none before its time.
        #[test]
        fn nothing_is_due_twice(looks in proptest::collection::vec(0_u64..50_000, 1..40)) {
            let (schedule, mut known) = (hourly(), Known { until: at(0), runs: false });
            let mut done = Vec::new();
            for look in looks {
                if let Todo::Run(due) = decide(&schedule, known, at(look)) {
                    prop_assert!(due <= at(look));
                    prop_assert!(!done.contains(&due));
                    done.push(due);
                    known.until = due;
                }
            }
        }
    }
}
