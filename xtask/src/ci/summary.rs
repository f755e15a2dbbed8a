//! What is said at the end.

use super::counts::Counts;
use super::run::Outcome;
use crate::failure::Failure;
use crate::output;
use std::time::Duration;

/// A line per step, then the sum alone on the last line: `tests: N passed, N failed, N skipped`.
pub(super) fn print(outcomes: &[Outcome], elapsed: Duration) -> Result<(), Failure> {
    output::line(format!("\n==> summary, {}", time(elapsed)));
    outcomes.iter().for_each(|outcome| output::line(row(outcome)));
    let sum = sum(outcomes);
    output::line(format!("\ntests: {} passed, {} failed, {} skipped", sum.passed, sum.failed, sum.skipped));
    let failed: Vec<&str> =
        outcomes.iter().filter(|outcome| outcome.failure.is_some()).map(|outcome| outcome.name.as_str()).collect();
    if failed.is_empty() { Ok(()) } else { Err(Failure::Steps(failed.join(", "))) }
}

fn row(outcome: &Outcome) -> String {
    let verdict = outcome.failure.as_deref().map_or_else(|| "ok".to_owned(), |failure| format!("FAILED: {failure}"));
    let Counts { passed, failed, skipped } = outcome.counts;
    let counts = if passed + failed + skipped > 0 {
        format!("  {passed} passed, {failed} failed, {skipped} skipped")
    } else {
        String::new()
    };
    format!("{:>8}  {:<50}  {verdict}{counts}", time(outcome.elapsed), outcome.name)
}

/// A step that failed without a failed test (it did not compile, say) is one failure more.
fn sum(outcomes: &[Outcome]) -> Counts {
    let mut sum = Counts::default();
    for outcome in outcomes {
        sum += outcome.counts;
        if outcome.failure.is_some() && outcome.counts.failed == 0 {
            sum.failed += 1;
        }
    }
    sum
}

fn time(elapsed: Duration) -> String {
    match elapsed.as_secs() {
        0..60 => format!("{:.1} s", elapsed.as_secs_f64()),
        seconds => format!("{} m {:02} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_did_not_get_to_its_tests_is_a_failure() {
        let outcome = |failed, failure: Option<&str>| Outcome {
            name: "test".to_owned(),
            counts: Counts { passed: 2, failed, skipped: 0 },
            elapsed: Duration::from_secs(61),
            failure: failure.map(str::to_owned),
        };
        let outcomes = [outcome(0, None), outcome(0, Some("exit status: 101")), outcome(3, Some("exit status: 101"))];
        assert_eq!(sum(&outcomes), Counts { passed: 6, failed: 4, skipped: 0 });
        assert_eq!(
            row(&outcomes[0]).split_whitespace().collect::<Vec<_>>().join(" "),
            "1 m 01 s test ok 2 passed, 0 failed, 0 skipped"
        );
    }
}
