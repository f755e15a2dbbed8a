//! Failures as a person reads them.

use crate::CheckResult;
use crate::wire::{Failure, FailureKind, Inspected, Position};
use seaworthy_diagnostics::{Diagnostic, Fault, Place};

/// How many lines of an answer's body are shown.
const BODY_LINES_MAX: usize = 10;

/// One diagnostic for each failure of a check.
pub(crate) fn diagnostics(result: &CheckResult) -> Vec<Diagnostic> {
    if !result.passed() && result.failures.is_empty() {
        return vec![Diagnostic::new(
            Fault::Seaworthy,
            format!("check `{}` did not pass, and says not why", result.name),
        )];
    }
    let shown = result.failures.iter().enumerate();
    // The answer is shown once, with the first failure: the others are about the same one.
    shown
        .map(|(index, failure)| diagnostic(&result.name, &result.text, failure, answer(result, failure, index)))
        .collect()
}

impl Inspected {
    /// Why the file cannot run, given its text; empty if it can.
    #[must_use]
    pub fn diagnostics(&self, text: &str) -> Vec<Diagnostic> {
        self.failures.iter().map(|failure| diagnostic(&self.name, text, failure, Vec::new())).collect()
    }
}

fn diagnostic(name: &str, text: &str, failure: &Failure, answer: Vec<String>) -> Diagnostic {
    let fault = if failure.kind == FailureKind::File { Fault::User } else { Fault::Service };
    let mut diagnostic = Diagnostic::new(fault, format!("check `{name}`: {}", failure.message));
    if matches!(failure.kind, FailureKind::Connection | FailureKind::Timeout) {
        diagnostic = diagnostic.later();
    }
    if let Some(from) = failure.from {
        let span = span(text, from, failure.to.unwrap_or(from));
        diagnostic = diagnostic.at(Place { file: name.to_owned(), text: text.to_owned(), span });
    }
    if let Some(help) = &failure.help {
        diagnostic = diagnostic.help(help);
    }
    diagnostic
        .evidence(labelled("expected", failure.expected.as_deref()))
        .evidence(labelled("actual", failure.actual.as_deref()))
        .evidence(failure.detail.iter().cloned())
        .evidence(labelled("request", failure.request.as_deref()))
        .evidence(answer)
}

/// `LABEL: TEXT`, its further lines indented.
fn labelled(label: &str, text: Option<&str>) -> Vec<String> {
    let Some(text) = text else { return Vec::new() };
    let mut lines = text.lines();
    let first = format!("{:<10}{}", format!("{label}:"), lines.next().unwrap_or("(empty)"));
    let more = lines.by_ref().take(BODY_LINES_MAX - 1).map(|line| format!("{:<10}{line}", "")).collect::<Vec<_>>();
    let rest = lines.count();
    let rest = (rest > 0).then(|| format!("{:<10}… {rest} more lines", ""));
    std::iter::once(first).chain(more).chain(rest).collect()
}

fn answer(result: &CheckResult, failure: &Failure, index: usize) -> Vec<String> {
    let exchange = failure.exchange.filter(|_| index == 0).and_then(|index| result.exchanges.get(index));
    let Some(exchange) = exchange else { return Vec::new() };
    let line = format!("{} in {} ms, {} bytes", exchange.status, exchange.duration_ms, exchange.body_bytes);
    let body = Some(exchange.body.as_str()).filter(|body| !body.is_empty());
    [labelled("answer", Some(&line)), labelled("body", body)].concat()
}

/// The bytes of a place; of one that goes over several lines, the first.
fn span(text: &str, from: Position, to: Position) -> (usize, usize) {
    let mut start_of_line = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        if index + 1 == from.line {
            let line = line.trim_end();
            let start = byte_of(line, from.column);
            let end = if to.line == from.line { byte_of(line, to.column).max(start) } else { line.len() };
            return (start_of_line + start, start_of_line + end);
        }
        start_of_line += line.len();
    }
    (text.len(), text.len())
}

fn byte_of(line: &str, column: usize) -> usize {
    line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{Outcome, Ran};
    use proptest::prelude::*;

    #[test]
    fn a_check_that_failed_without_a_word_is_not_silent() {
        let ran =
            Ran { name: "a".into(), outcome: Outcome::Failed, duration_ms: 1, exchanges: vec![], failures: vec![] };
        let result = CheckResult::new(ran, String::new());
        assert!(!result.passed());
        assert_eq!(result.diagnostics().len(), 1);
    }

    #[test]
    fn long_texts_are_cut_with_words() {
        let text = (1..=12).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
        let lines = labelled("body", Some(&text));
        assert_eq!(lines.first().map(String::as_str), Some("body:     1"));
        assert_eq!(lines.last().map(String::as_str), Some("          … 2 more lines"));
        assert_eq!(labelled("actual", Some("")), ["actual:   (empty)"]);
    }

    proptest! {
        #[test]
        fn a_span_is_always_inside(text in "(a|é|\r|\n){0,20}", from in any::<(u8, u8)>(), to in any::<(u8, u8)>()) {
            let position = |at: (u8, u8)| Position { line: usize::from(at.0 % 8), column: usize::from(at.1 % 8) };
            let (start, end) = span(&text, position(from), position(to));
            prop_assert!(text.get(start..end).is_some());
        }
    }
}
