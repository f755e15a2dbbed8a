//! Hurl's errors in our words.

use crate::excerpt::Redaction;
use crate::source;
use hurl::runner::{RunnerError, RunnerErrorKind};
use hurl_core::error::DisplaySourceError;
use hurl_core::parser::ParseError;
use hurl_core::text::Format;
use seaworthy_checks::wire::{Failure, FailureKind};

/// The most lines of [`Failure::detail`].
const DETAIL_LINES_MAX: usize = 20;
/// libcurl's code for a request that took too long.
const CURL_OPERATION_TIMED_OUT: i32 = 28;

/// A failure that has nothing but a kind and a message yet.
pub(crate) fn blank(kind: FailureKind, message: String) -> Failure {
    Failure {
        kind,
        message,
        help: None,
        from: None,
        to: None,
        request: None,
        expected: None,
        actual: None,
        detail: Vec::new(),
        exchange: None,
    }
}

/// The file is no Hurl.
pub(crate) fn of_parser(error: &ParseError, text: &str) -> Failure {
    let lines: Vec<_> = text.lines().collect();
    let message = explanation(error, &lines).join(", ");
    let (from, to) = source::positions(text, error.source_info());
    Failure { from: Some(from), to: Some(to), ..blank(FailureKind::File, message) }
}

/// The file is Hurl, but empty.
pub(crate) fn without_requests() -> Failure {
    let help = Some("add one, for example `GET {{url}}/` and `HTTP 200`".to_owned());
    Failure { help, ..blank(FailureKind::File, "there is no request in this check".to_owned()) }
}

/// Something was not as the file expects.
pub(crate) fn of_run(error: &RunnerError, text: &str, redaction: &Redaction) -> Failure {
    let (from, to) = source::positions(text, error.source_info);
    let failure = Failure { from: Some(from), to: Some(to), ..described(error, text) };
    Failure {
        message: redaction.excerpt(&failure.message),
        expected: failure.expected.map(|text| redaction.excerpt(&text)),
        actual: failure.actual.map(|text| redaction.excerpt(&text)),
        detail: failure.detail.iter().take(DETAIL_LINES_MAX).map(|line| redaction.excerpt(line)).collect(),
        ..failure
    }
}

fn described(error: &RunnerError, text: &str) -> Failure {
    let written = source::text_at(text, error.source_info);
    let unequal = |what: &str, expected: &str, actual: &str| Failure {
        expected: Some(expected.to_owned()),
        actual: Some(actual.to_owned()),
        ..blank(FailureKind::Assertion, what.to_owned())
    };
    match &error.kind {
        RunnerErrorKind::AssertStatus { actual } => {
            unequal(&format!("the status is `{actual}`, not `{written}`"), written, actual)
        }
        RunnerErrorKind::AssertVersion { actual } => unequal("another version of HTTP", written, actual),
        RunnerErrorKind::AssertHeaderValueError { actual } => unequal("a header has another value", written, actual),
        RunnerErrorKind::AssertBodyValueError { actual, expected } => unequal("the body differs", expected, actual),
        RunnerErrorKind::AssertFailure { actual, expected, .. } => {
            let line = source::line_at(text, error.source_info);
            unequal(&format!("`{line}` does not hold"), expected, actual)
        }
        RunnerErrorKind::AssertBodyDiffError { hunks, .. } => {
            let lines = hunks.iter().flat_map(|hunk| lines_of(&hunk.content.to_string(Format::Plain)));
            Failure { detail: lines.collect(), ..blank(FailureKind::Assertion, "the body differs".to_owned()) }
        }
        RunnerErrorKind::Http(error) => of_http(&error.message()),
        RunnerErrorKind::TemplateVariableNotDefined { name } => {
            let help =
                "a check knows `url`, `environment`, `release` and what it captures or defines itself".to_owned();
            Failure { help: Some(help), ..blank(FailureKind::File, format!("the variable `{name}` is not defined")) }
        }
        _ => of_query(error, text),
    }
}

/// Hurl keeps its type for these errors to itself; what it makes of libcurl's is `(CODE) DESCRIPTION`.
fn of_http(message: &str) -> Failure {
    let curl = message.strip_prefix('(').and_then(|rest| rest.split_once(") "));
    match curl.and_then(|(code, description)| code.parse().ok().map(|code: i32| (code, description))) {
        Some((CURL_OPERATION_TIMED_OUT, description)) => {
            let detail = vec![description.to_owned()];
            Failure { detail, ..blank(FailureKind::Timeout, "no complete answer in time".to_owned()) }
        }
        Some((_, description)) => {
            let detail = vec![description.to_owned()];
            Failure { detail, ..blank(FailureKind::Connection, "no complete answer".to_owned()) }
        }
        None => blank(FailureKind::Connection, message.to_owned()),
    }
}

/// All that can go wrong while a request is put together or an answer is looked into.
fn of_query(error: &RunnerError, text: &str) -> Failure {
    let lines: Vec<_> = text.lines().collect();
    let description = error.description().to_lowercase();
    let mut explanation = explanation(error, &lines).into_iter();
    let message = match explanation.next() {
        Some(first) => format!("{description}: {first}"),
        None => description,
    };
    Failure { detail: explanation.collect(), ..blank(FailureKind::Assertion, message) }
}

/// Hurl's explanation without the carets that Hurl puts before it.
fn explanation(error: &impl DisplaySourceError, lines: &[&str]) -> Vec<String> {
    let text = error.fixme(lines).to_string(Format::Plain);
    let lines = lines_of(text.trim_start().trim_start_matches('^'));
    lines.iter().map(|line| line.trim().to_owned()).collect()
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}
