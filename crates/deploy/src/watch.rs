//! Whether the new revision does as well as the old one (DESIGN 6.4).

use crate::counters::{Counters, Lasting, PoolCounters};
use crate::journal::Journal;
use crate::run::Run;
use crate::smoke::Smoke;
use crate::smoke_checks::repeated;
use crate::step::Watch;
use crate::target::Target;
use crate::traffic::Traffic;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::pool::PoolId;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// With fewer requests to the new pools nothing is concluded.
const REQUESTS_MIN: u64 = 50;
/// By how many points of a hundred the new pools' share of errors may exceed the old ones'.
const POINTS_MAX: u64 = 5;
/// How often the counters are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// How often the checks run again while a revision bakes: two failures in a row must fit into a short bake, too.
fn repeat_every(bake: Duration) -> Duration {
    (bake / 4).clamp(Duration::from_secs(1), Duration::from_secs(30))
}

impl<T: Target, R: Traffic, J: Journal, S: Smoke> Run<'_, T, R, J, S> {
    /// Watches for as long as the watch says; fails as soon as the new revision does badly. `bakes`: it carries all
    /// traffic, so that its checks run again, too.
    pub(crate) async fn watch(&self, watch: &Watch, bakes: bool) -> Result<(), Diagnostic> {
        let end = Instant::now() + self.left(watch.during);
        tokio::select! {
            compared = self.compare(watch, end) => compared,
            failure = self.repeat_checks(watch), if bakes => Err(failure),
        }
    }

    /// Compares what the pools answer until the end.
    async fn compare(&self, watch: &Watch, end: Instant) -> Result<(), Diagnostic> {
        let mut counted = Lasting::default();
        let mut before: Option<Counters> = None;
        loop {
            // A carrier that cannot be asked now says nothing about the revision.
            if let Ok(now) = self.executor.traffic.counters().await {
                let now = counted.add(now);
                verdict(watch, before.as_ref().unwrap_or(now), now)?;
                before.get_or_insert_with(|| now.clone());
            }
            let now = Instant::now();
            if now >= end {
                return Ok(());
            }
            tokio::time::sleep_until(end.min(now + EVERY)).await;
        }
    }

    /// Runs the checks again and again; returns why the revision is not well once one fails twice in a row.
    async fn repeat_checks(&self, watch: &Watch) -> Diagnostic {
        let revision = self.plan.revision(watch.revision);
        let checks = revision.map(repeated).unwrap_or_default();
        let (Some(revision), false) = (revision, checks.is_empty()) else { return std::future::pending().await };
        let mut failed_before = BTreeSet::new();
        loop {
            tokio::time::sleep(repeat_every(watch.during)).await;
            let failed = match self.executor.smoke.repeat(revision, &checks).await {
                Ok(failed) => failed,
                Err(failure) => {
                    self.message("the checks cannot be run again now", vec![failure.to_string()]);
                    continue;
                }
            };
            let again = |name: &&String| failed_before.contains(*name);
            if let Some(failure) = failed.keys().find(again).and_then(|name| failed.get(name)) {
                return failure.clone();
            }
            failed_before = failed.into_keys().collect();
        }
    }
}

/// Compares what the new pools answered between two looks with what the old ones did meanwhile or, when they had too
/// little to do (they are warm, say), ever.
///
/// # Errors
/// Of at least 50 requests, the new pools' share of 5xx exceeds the old ones' by 5 points.
pub fn verdict(watch: &Watch, before: &Counters, now: &Counters) -> Result<(), Diagnostic> {
    let new = since(&watch.new, before, now);
    if new.requests < REQUESTS_MIN {
        return Ok(());
    }
    let meanwhile = since(&watch.old, before, now);
    let old = if meanwhile.requests < REQUESTS_MIN { since(&watch.old, &Counters::new(), now) } else { meanwhile };
    let old_requests = u128::from(old.requests.max(1));
    let new_points = u128::from(new.errors) * 100 * old_requests;
    let allowed = (u128::from(old.errors) * 100 + u128::from(POINTS_MAX) * old_requests) * u128::from(new.requests);
    if new_points < allowed {
        return Ok(());
    }
    let line =
        |whose: &str, c: PoolCounters| format!("{whose}: {} of {} requests answered with 5xx", c.errors, c.requests);
    Err(Diagnostic::service("the new revision answers more requests with errors than the old one")
        .evidence([line("new", new), line("old", old)])
        .help("`seaworthy logs` shows what the new instances said"))
}

/// What these pools answered between two looks, together.
fn since(pools: &[PoolId], before: &Counters, now: &Counters) -> PoolCounters {
    let mut sum = PoolCounters::default();
    for pool in pools {
        let Some(now) = now.get(pool) else { continue };
        let before = before.get(pool).copied().unwrap_or_default();
        // Counts that fell began again with their carrier.
        let before = if before.requests > now.requests { PoolCounters::default() } else { before };
        sum.requests += now.requests - before.requests;
        sum.errors += now.errors.saturating_sub(before.errors);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(new: (u64, u64), old: (u64, u64)) -> Counters {
        let count = |(requests, errors)| PoolCounters { requests, errors, ..PoolCounters::default() };
        Counters::from([(PoolId("new".into()), count(new)), (PoolId("old".into()), count(old))])
    }

    fn is_fine(before: &Counters, now: &Counters) -> bool {
        let watch = Watch {
            revision: 2,
            new: vec![PoolId("new".into())],
            old: vec![PoolId("old".into())],
            during: Duration::ZERO,
        };
        verdict(&watch, before, now).is_ok()
    }

    #[test]
    fn errors_count_from_fifty_requests_on_and_only_when_the_old_pools_do_better() {
        let none = Counters::new();
        assert!(is_fine(&none, &counters((49, 49), (1000, 0))));
        assert!(!is_fine(&none, &counters((50, 50), (1000, 0))));
        assert!(is_fine(&none, &counters((100, 4), (1000, 0))));
        assert!(!is_fine(&none, &counters((100, 5), (1000, 0))));
        assert!(is_fine(&none, &counters((100, 14), (1000, 100))));
        assert!(!is_fine(&none, &counters((100, 15), (1000, 100))));
        assert!(!is_fine(&none, &counters((60, 6), (0, 0))));
    }

    #[test]
    fn only_what_happened_meanwhile_counts_unless_the_old_pools_are_idle() {
        // 100 of 100 errors before the watch began are not held against the new pools.
        assert!(is_fine(&counters((100, 100), (100, 0)), &counters((200, 100), (200, 0))));
        // Warm old pools had 20% errors when they served.
        assert!(is_fine(&counters((0, 0), (1000, 200)), &counters((100, 22), (1000, 200))));
        assert!(!is_fine(&counters((0, 0), (1000, 200)), &counters((100, 26), (1000, 200))));
    }

    #[test]
    fn counters_that_began_again_are_no_error() {
        assert!(is_fine(&counters((500, 0), (500, 0)), &counters((60, 1), (60, 1))));
    }
}
