//! Running one file.

use crate::excerpt::Redaction;
use crate::{confinement, failure, inspect};
use hurl::http::Call;
use hurl::runner::{EntryResult, HurlResult, Value, VariableSet, run_entries};
use hurl::util::logger::{Logger, LoggerOptionsBuilder};
use hurl::util::term::{Stderr, Stdout, WriteMode};
use hurl_core::ast::HurlFile;
use hurl_core::input::Input;
use seaworthy_checks::wire::{CheckFile, Exchange, Outcome, Ran};
use std::time::{Duration, Instant};

/// The most exchanges of an answer; of more, the last ones, because a file stops at its first failure.
const EXCHANGES_MAX: usize = 20;
/// The most headers of an exchange.
const HEADERS_MAX: usize = 24;
/// Headers whose values let somebody in.
const SECRET_HEADERS: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// Runs a file from its first request to the first one that fails.
pub(crate) fn run(file: &CheckFile, timeout_ms: u64) -> Ran {
    let started = Instant::now();
    let (outcome, exchanges, failures) = match inspect::parse(&file.text) {
        Err(failures) => (Outcome::Invalid, Vec::new(), failures),
        Ok(hurl) => {
            let result = execute(file, &hurl, Duration::from_millis(timeout_ms));
            let outcome = if result.success { Outcome::Passed } else { Outcome::Failed };
            let redaction = Redaction::new(result.variables.secrets());
            let (exchanges, failures) = observed(file, &hurl, &result, &redaction);
            (outcome, exchanges, failures)
        }
    };
    Ran { name: file.name.clone(), outcome, duration_ms: milliseconds(started.elapsed()), exchanges, failures }
}

fn execute(file: &CheckFile, hurl: &HurlFile, timeout: Duration) -> HurlResult {
    let options = confinement::runner_options(file.connect.as_ref(), timeout);
    let mut variables = VariableSet::new();
    for (name, value) in &file.variables {
        variables.insert(name.clone(), Value::String(value.clone()));
    }
    // Hurl writes to the terminal by itself, and a file may ask for more of it: all of that goes into buffers, because
    // standard output is ours.
    let mut stdout = Stdout::new(WriteMode::Buffered);
    let logging = LoggerOptionsBuilder::new().color(false).verbosity(None).build();
    let mut logger = Logger::new(&logging, Stderr::new(WriteMode::Buffered), &[]);
    let name = Input::new(&file.name);
    let (entries, text) = (&hurl.entries, &file.text);
    run_entries(entries, text, Some(&name), &options, &variables, &mut stdout, None, &mut logger)
}

fn observed(
    file: &CheckFile,
    hurl: &HurlFile,
    result: &HurlResult,
    redaction: &Redaction,
) -> (Vec<Exchange>, Vec<seaworthy_checks::wire::Failure>) {
    let calls: Vec<_> = result.entries.iter().flat_map(|entry| entry.calls.iter().map(move |c| (entry, c))).collect();
    let kept = &calls[calls.len().saturating_sub(EXCHANGES_MAX)..];
    let exchanges: Vec<_> = kept.iter().map(|(entry, call)| exchange(entry, call, redaction)).collect();
    // A retry that was followed by another one is no failure; the last result of a file is the only one that can be.
    let Some(last) = result.entries.last() else { return (exchanges, Vec::new()) };
    let index = exchanges.len().checked_sub(1).filter(|_| !last.calls.is_empty());
    let request = match index.and_then(|index| exchanges.get(index)) {
        Some(exchange) => Some(format!("{} {}", exchange.method, exchange.url)),
        None => hurl.entries.get(last.entry_index.to_zero_based()).map(|entry| {
            let url = fill_in(&entry.request.url.to_string(), file);
            redaction.excerpt(&format!("{} {url}", entry.request.method))
        }),
    };
    let failures = last.errors.iter().map(|error| {
        let failure = failure::of_run(error, &file.text, redaction);
        seaworthy_checks::wire::Failure { request: request.clone(), exchange: index, ..failure }
    });
    let failures = failures.collect();
    (exchanges, failures)
}

/// A URL as it would have been sent, as far as that is known from outside.
fn fill_in(url: &str, file: &CheckFile) -> String {
    file.variables.iter().fold(url.to_owned(), |url, (name, value)| url.replace(&format!("{{{{{name}}}}}"), value))
}

fn exchange(entry: &EntryResult, call: &Call, redaction: &Redaction) -> Exchange {
    let headers = call.request.headers.iter().take(HEADERS_MAX).map(|header| {
        let secret = SECRET_HEADERS.contains(&header.name.to_ascii_lowercase().as_str());
        let value = if secret { "***".to_owned() } else { redaction.excerpt(&header.value) };
        (redaction.excerpt(&header.name), value)
    });
    Exchange {
        line: entry.source_info.start.line,
        method: call.request.method.clone(),
        url: redaction.excerpt(&call.request.url.raw()),
        headers: headers.collect(),
        status: call.response.status,
        body: redaction.excerpt_of_bytes(&call.response.body),
        body_bytes: call.response.body.len(),
        duration_ms: milliseconds(call.response.duration),
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
