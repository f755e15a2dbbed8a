//! What a check of a commit said: as much of its verdict as a node needs.

use seaworthy_diagnostics::{Diagnostic, Fault};
use serde::Deserialize;

/// The longest verdict that is read, in bytes.
pub const VERDICT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many lines of a step are told on.
const LINES_MAX: usize = 20;
/// The way to the same verdict.
const SAME: &str = "`seaworthy check COMMIT` gives the same verdict where you are";

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
    help: Option<String>,
    fault: Option<Fault>,
    last_lines: Vec<String>,
}

/// Why there is no release of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The commit did not pass.
    Failed(Diagnostic),
    /// It could not be found out whether it does; the diagnostic says whether trying again may help.
    Unknown(Diagnostic),
}

/// What a check that did not pass says: the first step that failed, else the first that could not run, else the errors
/// that it ended with.
///
/// `code` is its exit code; `stdout` its verdict, or whatever it wrote; `stderr` its last lines.
#[must_use]
pub fn answer(code: Option<i32>, stdout: &[u8], stderr: &[String]) -> Answer {
    let verdict: Verdict = serde_json::from_slice(stdout).unwrap_or_default();
    let step = |outcome: &str| verdict.steps.iter().find(|step| step.outcome == outcome);
    if let Some(step) = step("failed") {
        return Answer::Failed(of_step(step, "failed"));
    }
    if let Some(step) = step("refused") {
        let error = of_step(step, "could not run");
        let fault = step.fault.unwrap_or(Fault::Machine);
        return Answer::Unknown(in_time(Diagnostic { fault, ..error }));
    }
    let mut errors = verdict.errors.into_iter();
    if let Some(first) = errors.next() {
        let others = errors.take(LINES_MAX).map(|error| format!("also: {}", error.message));
        let error = first.evidence(others);
        let is_of_commit = code == Some(1) && error.fault == Fault::User;
        return if is_of_commit { Answer::Failed(error) } else { Answer::Unknown(in_time(error)) };
    }
    let how = code.map_or_else(|| "it was ended".to_owned(), |code| format!("exit code {code}"));
    let error = Diagnostic::machine(format!("the check of the commit has no verdict: {how}"));
    Answer::Unknown(error.evidence(last(stderr)).help("its log says how far it came").later())
}

/// What the machine is to blame for may be better next time.
fn in_time(error: Diagnostic) -> Diagnostic {
    if error.fault == Fault::Machine { error.later() } else { error }
}

/// A check that took more of the machine than it may: the step that did, as far as that is known, and what it said.
///
/// `what` follows the step's name: `needs more than 1 GiB of memory`.
#[must_use]
pub fn greedy(stdout: &[u8], stderr: &[String], what: &str, help: &str) -> Diagnostic {
    let verdict: Verdict = serde_json::from_slice(stdout).unwrap_or_default();
    let is_bad = |step: &&Step| matches!(step.outcome.as_str(), "failed" | "refused");
    let (who, lines) = match verdict.steps.iter().find(is_bad) {
        Some(step) => (name(step), step.reason.iter().cloned().chain(shown(step)).collect()),
        None => (running(stderr).unwrap_or_else(|| "the check of the commit".to_owned()), last(stderr)),
    };
    Diagnostic::user(format!("{who} {what}")).evidence(lines).help(help)
}

/// The steps that were under way when a check was ended, by what it told of its progress: `test web` when one began,
/// `test ok web in 1.0 s` when it was done, `web | …` what its programs printed.
fn running(stderr: &[String]) -> Option<String> {
    let mut under_way: Vec<(&str, &str)> = Vec::new();
    let mut functional = false;
    for line in stderr {
        if let Some((service, _)) = line.split_once(" |") {
            let service = service.trim_start();
            if is_name(service) && under_way.iter().all(|(_, known)| *known != service) {
                under_way.push(("", service));
            }
            continue;
        }
        match line.split_ascii_whitespace().collect::<Vec<_>>()[..] {
            [kind @ ("test" | "build"), service] if is_name(service) => {
                under_way.retain(|(_, known)| *known != service);
                under_way.push((kind, service));
            }
            ["checks", "the", "release,", ..] => functional = true,
            ["test" | "build", "ok", service, ..] => under_way.retain(|(_, known)| *known != service),
            _ => {}
        }
    }
    let name = |(kind, service): &(&str, &str)| match *kind {
        "" => format!("a step of `{service}`"),
        kind => format!("the {kind} of `{service}`"),
    };
    let names: Vec<String> = under_way.iter().map(name).collect();
    match names.is_empty() {
        false => Some(names.join(" or ")),
        // Tests go on beside them, and nothing says when they are done.
        true => functional.then(|| "the functional checks".to_owned()),
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn name(step: &Step) -> String {
    match (step.kind.as_str(), &step.service) {
        ("test" | "build", Some(service)) => format!("the {} of `{service}`", step.kind),
        ("functional", _) => "the functional checks".to_owned(),
        _ => format!("`{}`", step.id),
    }
}

/// `how` it ended: `failed`, or `could not run`.
fn of_step(step: &Step, how: &str) -> Diagnostic {
    let what = format!("{} {how}", name(step));
    // A reason says mostly itself what failed.
    let message = match step.reason.as_deref().map(first_line) {
        Some(reason) if reason.starts_with(&what) || step.kind == "validate" => reason.to_owned(),
        Some(reason) if !reason.is_empty() => format!("{what}: {reason}"),
        _ => what,
    };
    // What is wrong with a manifest is a list, each line with its help.
    let is_list = step.kind == "validate" && !step.last_lines.is_empty();
    let help = step.help.clone().filter(|_| !is_list);
    Diagnostic::user(message).evidence(shown(step)).help(help.unwrap_or_else(|| SAME.to_owned()))
}

/// Lists begin with what is first, outputs end with what is last.
fn shown(step: &Step) -> Vec<String> {
    if step.kind == "validate" {
        step.last_lines.iter().take(LINES_MAX).cloned().collect()
    } else {
        last(&step.last_lines)
    }
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
    use seaworthy_diagnostics::Retry;

    fn failed(answer: Answer) -> Diagnostic {
        let Answer::Failed(failure) = answer else { panic!("{answer:?}") };
        failure
    }

    fn unknown(answer: Answer) -> Diagnostic {
        let Answer::Unknown(failure) = answer else { panic!("{answer:?}") };
        failure
    }

    #[test]
    fn names_the_first_step_that_failed() {
        let verdict = br#"{"format":1,"outcome":"failed","steps":[
            {"id":"validate","kind":"validate","outcome":"passed"},
            {"id":"build web","kind":"build","service":"web","outcome":"refused","reason":"no compiler"},
            {"id":"test web","kind":"test","service":"web","outcome":"failed","reason":"exit code 1","last_lines":["x"]},
            {"id":"functional","kind":"functional","outcome":"not-run"}],"findings":[{"severity":"high"}]}"#;
        let failure = failed(answer(Some(1), verdict, &[]));
        assert_eq!(failure.message, "the test of `web` failed: exit code 1");
        assert_eq!(failure.evidence, ["x"]);
        let said = verdict_with("the test of `web` failed: exit code 1");
        assert_eq!(failed(answer(Some(1), said.as_bytes(), &[])).message, "the test of `web` failed: exit code 1");
    }

    #[test]
    fn what_could_not_run_has_not_failed() {
        let step = |fault: &str| {
            format!(
                r#"{{"outcome":"refused","steps":[{{"id":"functional","kind":"functional","outcome":"refused",
                "reason":"there is no `seaworthy-check`","help":"put it beside `seaworthy`","fault":"{fault}"}}]}}"#
            )
        };
        let machine = unknown(answer(Some(2), step("machine").as_bytes(), &[]));
        assert_eq!(machine.message, "the functional checks could not run: there is no `seaworthy-check`");
        assert_eq!(machine.help.as_deref(), Some("put it beside `seaworthy`"));
        assert_eq!((machine.fault, machine.retry), (Fault::Machine, Retry::Later));
        let user = unknown(answer(Some(2), step("user").as_bytes(), &[]));
        assert_eq!((user.fault, user.retry), (Fault::User, Retry::Never));
        let errors = r#"{"errors":[{"message":"no such commit","fault":"user","retry":"never","help":"push it"},
            {"message":"nor that","fault":"user","retry":"never"}]}"#;
        let error = unknown(answer(Some(2), errors.as_bytes(), &[]));
        assert_eq!((error.help.as_deref(), error.evidence), (Some("push it"), vec!["also: nor that".to_owned()]));
    }

    #[test]
    fn of_a_manifest_all_errors_are_told_with_line_and_help() {
        let lines = ["seaworthy.toml:3: unknown key `bild`", "  help: did you mean `build`?", "seaworthy.toml:9: x"];
        let step = serde_json::json!({
            "id": "validate", "kind": "validate", "outcome": "failed", "reason": "unknown key `bild`",
            "help": "did you mean `build`?", "last_lines": lines,
        });
        let verdict = serde_json::json!({ "outcome": "failed", "steps": [step] }).to_string();
        let failure = failed(answer(Some(1), verdict.as_bytes(), &[]));
        assert_eq!(
            (failure.message.as_str(), &failure.evidence[..]),
            ("unknown key `bild`", &lines.map(str::to_owned)[..])
        );
    }

    #[test]
    fn the_greedy_step_is_named_by_the_verdict_or_by_what_was_under_way() {
        let what = "needs more than 1 GiB of memory";
        let said = verdict_with("exit code 137");
        let named = greedy(said.as_bytes(), &[], what, "less");
        assert_eq!(named.message, "the test of `web` needs more than 1 GiB of memory");
        assert_eq!(named.evidence, ["exit code 137"]);
        let progress = |lines: &[&str]| {
            let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
            greedy(b"", &lines, "x", "less").message
        };
        let lines = ["    build api", "    build web", "       build ok api in 1.0 s", "     test api"];
        assert_eq!(progress(&lines), "the build of `web` or the test of `api` x");
        assert_eq!(progress(&["                 web | build api"]), "a step of `web` x");
        let lines = ["     test web", "  test ok web in 1.0 s", "   checks the release, on a node of its own"];
        assert_eq!(progress(&lines), "the functional checks x");
        let lines = ["     test web", "   checks the release, on a node of its own"];
        assert_eq!(progress(&lines), "the test of `web` x");
        assert_eq!(progress(&["killed"]), "the check of the commit x");
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
        let said = unknown(answer(Some(2), b"", &lines));
        assert_eq!(said.message, "the check of the commit has no verdict: exit code 2");
        assert_eq!((said.evidence, said.retry), (lines.to_vec(), Retry::Later));
        assert!(unknown(answer(None, b"{}", &[])).message.ends_with("it was ended"));
    }

    proptest! {
        #[test]
        fn whatever_a_build_writes_is_an_answer(stdout: Vec<u8>, stderr: Vec<String>, code: Option<i32>) {
            let (Answer::Failed(error) | Answer::Unknown(error)) = answer(code, &stdout, &stderr);
            prop_assert!(!error.message.is_empty());
            prop_assert!(!greedy(&stdout, &stderr, "x", "y").message.is_empty());
        }
    }
}
