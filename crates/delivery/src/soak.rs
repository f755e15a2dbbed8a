//! When what one environment runs goes to the one that follows it.

use seaworthy_model::Digest;
use std::time::{Duration, SystemTime};

/// What the environment that is followed runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The commit, where there is one.
    pub commit: Option<String>,
    /// The release.
    pub release: Digest,
    /// Since when it has all traffic, for good.
    pub since: SystemTime,
    /// Whether it runs as it should right now.
    pub well: bool,
    /// When the last of its instances was started: one that ended meanwhile has run since then, and no longer.
    pub started: Option<SystemTime>,
}

impl Standing {
    /// Since when it has run without any instance being started again.
    #[must_use]
    pub fn undisturbed_since(&self) -> SystemTime {
        self.started.map_or(self.since, |started| started.max(self.since))
    }

    /// When it will have run long enough, if nothing happens to it meanwhile; `None`: it does not run well.
    #[must_use]
    pub fn soaks_until(&self, soak: Duration) -> Option<SystemTime> {
        self.undisturbed_since().checked_add(soak).filter(|_| self.well)
    }
}

/// What was taken over, or tried to be, before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The commit, where there was one.
    pub commit: Option<String>,
    /// The release.
    pub release: Digest,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Soaked {
    /// There is nothing to take, or it was taken.
    Nothing,
    /// It has not run long enough, or not well.
    Wait,
    /// Take it now.
    Take,
}

/// Decides for an environment that follows another one. `runs` is what the follower runs.
#[must_use]
pub fn decide(
    followed: Option<&Standing>,
    runs: Option<&Taken>,
    tried: &[Taken],
    soak: Duration,
    now: SystemTime,
) -> Soaked {
    let Some(followed) = followed else { return Soaked::Nothing };
    let is_this = |taken: &Taken| taken.release == followed.release && taken.commit == followed.commit;
    if runs.is_some_and(is_this) || tried.iter().any(is_this) {
        return Soaked::Nothing;
    }
    // A clock that went back makes it younger, never older.
    let age = now.duration_since(followed.undisturbed_since()).unwrap_or_default();
    if followed.well && age >= soak { Soaked::Take } else { Soaked::Wait }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn taken(number: u8) -> Taken {
        Taken { commit: Some(number.to_string()), release: Digest::of(&[number]) }
    }

    proptest! {
        #[test]
        fn only_what_has_run_well_for_long_enough_and_only_once(
            age in 0_u64..200, started in proptest::option::of(0_u64..200), soak in 0_u64..200, well: bool,
            runs in 0_u8..3, tried in 0_u8..3,
        ) {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
            let this = taken(0);
            let since = now - Duration::from_secs(age);
            let at = started.map(|age| now - Duration::from_secs(age));
            let standing = Standing { commit: this.commit.clone(), release: this.release, since, well, started: at };
            let soak = Duration::from_secs(soak);
            let decided = decide(Some(&standing), Some(&taken(runs)), &[taken(tried)], soak, now);
            let has_soaked = well && age.min(started.unwrap_or(age)) >= soak.as_secs();
            let expected = match (runs == 0 || tried == 0, has_soaked) {
                (true, _) => Soaked::Nothing,
                (false, true) => Soaked::Take,
                (false, false) => Soaked::Wait,
            };
            prop_assert_eq!(decided, expected);
            // What is said of when it is taken, and when it is, is the same.
            prop_assert_eq!(standing.soaks_until(soak).is_some_and(|until| until <= now), has_soaked);
        }
    }

    #[test]
    fn an_instance_that_ended_meanwhile_begins_it_anew() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let ago = |seconds| now - Duration::from_secs(seconds);
        let (release, soak) = (Digest::of(b"x"), Duration::from_secs(3600));
        let of = |started| Standing { commit: None, release: release.clone(), since: ago(7200), well: true, started };
        // Started before it had all traffic, as instances are.
        assert_eq!(decide(Some(&of(Some(ago(7300)))), None, &[], soak, now), Soaked::Take);
        // Dead for a moment a minute ago.
        assert_eq!(decide(Some(&of(Some(ago(60)))), None, &[], soak, now), Soaked::Wait);
    }

    #[test]
    fn a_clock_that_goes_back_lets_nothing_through() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(10);
        let since = now + Duration::from_secs(10);
        let standing = Standing { commit: None, release: Digest::of(b"x"), since, well: true, started: None };
        assert_eq!(decide(Some(&standing), None, &[], Duration::from_secs(1), now), Soaked::Wait);
        assert_eq!(decide(None, None, &[], Duration::ZERO, now), Soaked::Nothing);
    }
}
