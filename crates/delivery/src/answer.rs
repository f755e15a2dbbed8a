//! What a check of a commit said: as much of its verdict as a node needs.

use seaworthy_diagnostics::{Diagnostic, Fault};
use serde::Deserialize;

/// The longest verdict that is read, in bytes.
pub const VERDICT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many of the last lines of a step are told on.
const LINES_MAX: usize = 20;

/// The verdict of `seaworthy check --json`; what is not known of it does not matter here.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Verdict {
    steps: Vec<Step>,
    errors: Vec<Diagnostic>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Step {
    id: String,
    kind: String,
    service: Option<String>,
    outcome: String,
    reason: Option<String>,
    last_lines: Vec<String>,
}

/// Why a commit did not pass: the first step that failed, or what the check had to say.
///
/// `code` is its exit code; `stdout` its verdict, or whatever it wrote; `stderr` its last lines.
#[must_use]
pub fn failure(code: Option<i32>, stdout: &[u8], stderr: &[String]) -> Diagnostic {
    let verdict: Verdict = serde_json::from_slice(stdout).unwrap_or_default();
    let bad = |outcome: &str| matches!(outcome, "failed" | "refused");
    if let Some(step) = verdict.steps.iter().find(|step| bad(&step.outcome)) {
        return of_step(step);
    }
    if let Some(error) = verdict.errors.into_iter().next() {
        return error;
    }
    let how = code.map_or_else(|| "it was ended".to_owned(), |code| format!("exit code {code}"));
    let error = Diagnostic::new(Fault::User, format!("the check of the commit did not pass: {how}"));
    error.evidence(last(stderr)).help("`seaworthy check COMMIT` gives the same verdict where you are")
}

fn of_step(step: &Step) -> Diagnostic {
    let what = match (step.kind.as_str(), &step.service) {
        ("test" | "build", Some(service)) => format!("the {} of `{service}` failed", step.kind),
        ("functional", _) => "the functional checks failed".to_owned(),
        _ => format!("`{}` failed", step.id),
    };
    // A reason says mostly itself what failed.
    let message = match step.reason.as_deref().map(first_line) {
        Some(reason) if reason.starts_with(&what) || step.kind == "validate" => reason.to_owned(),
        Some(reason) if !reason.is_empty() => format!("{what}: {reason}"),
        _ => what,
    };
    let error = Diagnostic::user(message).evidence(last(&step.last_lines));
    error.help("`seaworthy check COMMIT` gives the same verdict where you are")
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

fn last(lines: &[String]) -> Vec<String> {
    lines[lines.len().saturating_sub(LINES_MAX)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_the_first_step_that_failed() {
        let verdict = br#"{"format":1,"outcome":"failed","steps":[
            {"id":"validate","kind":"validate","outcome":"passed"},
            {"id":"test web","kind":"test","service":"web","outcome":"failed","reason":"exit code 1","last_lines":["x"]},
            {"id":"functional","kind":"functional","outcome":"not-run"}],"findings":[{"severity":"high"}]}"#;
        let failure = failure(Some(1), verdict, &[]);
        assert_eq!(failure.message, "the test of `web` failed: exit code 1");
        assert_eq!(failure.evidence, ["x"]);
        let said = verdict_with("the test of `web` failed: exit code 1");
        assert_eq!(super::failure(Some(1), said.as_bytes(), &[]).message, "the test of `web` failed: exit code 1");
    }

    fn verdict_with(reason: &str) -> String {
        let step = serde_json::json!({
            "id": "test web", "kind": "test", "service": "web", "outcome": "failed", "reason": reason,
        });
        serde_json::json!({ "steps": [step] }).to_string()
    }

    #[test]
    fn what_is_no_verdict_has_its_own_words() {
        let lines = ["error: no such thing".to_owned()];
        let said = failure(Some(2), b"", &lines);
        assert_eq!(said.message, "the check of the commit did not pass: exit code 2");
        assert_eq!(said.evidence, lines);
        assert!(failure(None, b"{}", &[]).message.ends_with("it was ended"));
    }

    proptest! {
        #[test]
        fn whatever_a_build_writes_is_an_answer(stdout: Vec<u8>, stderr: Vec<String>, code: Option<i32>) {
            prop_assert!(!failure(code, &stdout, &stderr).message.is_empty());
        }
    }
}
