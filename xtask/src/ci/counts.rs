//! How many tests ran, read from the lines that each language's runner ends with.

use std::ops::AddAssign;

/// Tests by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: i64,
    pub(super) failed: i64,
    pub(super) skipped: i64,
}

impl Counts {
    /// What one line of a runner's output adds.
    pub(super) fn of_line(line: &str) -> Self {
        cargo(line)
            .or_else(|| skipped(line))
            .or_else(|| go(line))
            .or_else(|| unittest(line))
            .or_else(|| node(line))
            .or_else(|| ruby(line))
            .unwrap_or_default()
    }

    pub(super) fn total(self) -> i64 {
        self.passed + self.failed
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

/// `test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s`
fn cargo(line: &str) -> Option<Counts> {
    let rest = line.strip_prefix("test result: ")?;
    Some(Counts {
        passed: before(rest, " passed")?,
        failed: before(rest, " failed")?,
        skipped: before(rest, " ignored").unwrap_or(0),
    })
}

/// `skipped: why`, which a test of cargo's prints that then ends like one that passed: cargo knows no such outcome.
fn skipped(line: &str) -> Option<Counts> {
    line.starts_with("skipped: ").then_some(Counts { passed: -1, skipped: 1, ..Counts::default() })
}

/// `--- PASS: TestName (0.00s)`, of `go test -v`; subtests are indented.
fn go(line: &str) -> Option<Counts> {
    let outcome = line.strip_prefix("--- ")?.split(':').next()?;
    match outcome {
        "PASS" => Some(Counts { passed: 1, ..Counts::default() }),
        "FAIL" => Some(Counts { failed: 1, ..Counts::default() }),
        "SKIP" => Some(Counts { skipped: 1, ..Counts::default() }),
        _ => None,
    }
}

/// `Ran 5 tests in 0.001s`, then `OK`, `OK (skipped=1)` or `FAILED (failures=1, errors=2, skipped=1)`: the
/// second line takes back from the first.
fn unittest(line: &str) -> Option<Counts> {
    if let Some(rest) = line.strip_prefix("Ran ") {
        let passed = rest.split(' ').next()?.parse().ok()?;
        return rest.contains(" in ").then_some(Counts { passed, ..Counts::default() });
    }
    let inside = line.strip_prefix("FAILED (").or_else(|| line.strip_prefix("OK ("))?.strip_suffix(')')?;
    let value = |name: &str| {
        inside.split(", ").find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')?.parse::<i64>().ok()).unwrap_or(0)
    };
    let failed = value("failures") + value("errors") + value("unexpected successes");
    let skipped = value("skipped");
    Some(Counts { passed: -(failed + skipped), failed, skipped })
}

/// `# pass 5` or `ℹ pass 5`, and the same for `fail` and `skipped`.
fn node(line: &str) -> Option<Counts> {
    let (word, number) = line.strip_prefix("# ").or_else(|| line.strip_prefix("ℹ "))?.split_once(' ')?;
    let number = number.parse().ok()?;
    match word {
        "pass" => Some(Counts { passed: number, ..Counts::default() }),
        "fail" => Some(Counts { failed: number, ..Counts::default() }),
        "skipped" | "todo" => Some(Counts { skipped: number, ..Counts::default() }),
        _ => None,
    }
}

/// `5 runs, 10 assertions, 0 failures, 0 errors, 0 skips` (minitest), or `5 tests, … 0 pendings, 0 omissions, …`.
fn ruby(line: &str) -> Option<Counts> {
    let run = before(line, " runs, ").or_else(|| before(line, " tests, "))?;
    let failed = before(line, " failures, ")? + before(line, " errors, ")?;
    let skipped =
        before(line, " skips").or_else(|| Some(before(line, " pendings")? + before(line, " omissions")?)).unwrap_or(0);
    Some(Counts { passed: run - failed - skipped, failed, skipped })
}

/// The number that stands right before these words.
fn before(line: &str, words: &str) -> Option<i64> {
    let head = &line[..line.find(words)?];
    let digits = head.rfind(|character: char| !character.is_ascii_digit()).map_or(head, |at| {
        let next = at + head[at..].chars().next().map_or(1, char::len_utf8);
        &head[next..]
    });
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(lines: &[&str]) -> (i64, i64, i64) {
        let mut counts = Counts::default();
        lines.iter().for_each(|line| counts += Counts::of_line(line));
        (counts.passed, counts.failed, counts.skipped)
    }

    #[test]
    fn every_runner_is_read() {
        let cargo = "test result: FAILED. 5 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(counted(&[cargo, cargo]), (10, 4, 2));
        assert_eq!(counted(&["skipped: needs a tool", cargo]), (4, 2, 2));
        assert_eq!(
            counted(&["--- PASS: TestA (0.00s)", "    --- PASS: TestA/b (0.00s)", "--- FAIL: TestB (0.1s)"]),
            (1, 1, 0)
        );
        assert_eq!(counted(&["Ran 5 tests in 0.001s", "", "OK"]), (5, 0, 0));
        assert_eq!(counted(&["Ran 5 tests in 0.001s", "FAILED (failures=1, errors=2, skipped=1)"]), (1, 3, 1));
        assert_eq!(counted(&["Ran 1 test in 0.001s", "OK (skipped=1)"]), (0, 0, 1));
        assert_eq!(counted(&["# tests 6", "# pass 5", "# fail 1", "# skipped 0"]), (5, 1, 0));
        assert_eq!(counted(&["ℹ pass 5", "ℹ fail 0"]), (5, 0, 0));
        assert_eq!(counted(&["5 runs, 10 assertions, 1 failures, 1 errors, 1 skips"]), (2, 2, 1));
        let test_unit = "5 tests, 9 assertions, 0 failures, 0 errors, 1 pendings, 0 omissions, 0 notifications";
        assert_eq!(counted(&[test_unit]), (4, 0, 1));
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(
            counted(&["ok", "Ran away", "# pass", "--- a/file", "passed", "OK (fine)", "3 tests, of what"]),
            (0, 0, 0)
        );
    }
}
