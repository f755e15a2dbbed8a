//! Reading: no entity is expanded, nothing is fetched, everything is limited.

use super::decode::decode;
use crate::limits::{
    CASES_MAX, DEPTH_MAX, DETAILS_BYTES_MAX, DETAILS_BYTES_SUM, MESSAGE_BYTES_MAX, NAME_BYTES_MAX, REPORT_BYTES_MAX,
};
use crate::text::{clean, cut_middle, one_line};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use seaworthy_model::verdict::{CaseOutcome, TestCase};

/// What a report says: the tests, as far as it could be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The tests in the report's order.
    pub cases: Vec<TestCase>,
    /// Why it was not read to its end.
    pub problem: Option<Problem>,
}

/// Why a report could not be read, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// More bytes than [`REPORT_BYTES_MAX`].
    #[error("it is larger than {} MiB", REPORT_BYTES_MAX >> 20)]
    TooLarge,
    /// More tests than [`CASES_MAX`].
    #[error("it names more than {CASES_MAX} tests")]
    TooMany,
    /// Deeper than [`DEPTH_MAX`].
    #[error("its elements lie more than {DEPTH_MAX} deep in each other, in line {line}")]
    TooDeep {
        /// From 1.
        line: usize,
    },
    /// No XML.
    #[error("it is no XML: {what}, in line {line}")]
    NotXml {
        /// From 1.
        line: usize,
        /// What the parser says.
        what: String,
    },
    /// It ends within an element: whoever wrote it was stopped.
    #[error("it ends in the middle: what wrote it was probably stopped")]
    Unfinished,
    /// XML, but no report of tests.
    #[error("it is no JUnit report: its first element is `{0}`")]
    NotJunit(String),
    /// Nothing at all.
    #[error("it is empty")]
    Empty,
    /// Whoever read the file found none.
    #[error("it is no file below the service's folder, or cannot be read")]
    NoFile,
}

/// Reads a report.
#[must_use]
pub fn read(bytes: &[u8]) -> Report {
    if bytes.len() > REPORT_BYTES_MAX {
        return Report { cases: Vec::new(), problem: Some(Problem::TooLarge) };
    }
    let text = decode(bytes);
    let mut state = State::default();
    let problem = state.run(&text).err();
    Report { cases: state.cases, problem }
}

impl Report {
    /// Adds another report of the same service, within the limits.
    pub fn merge(&mut self, other: Self) {
        let room = CASES_MAX - self.cases.len().min(CASES_MAX);
        let too_many = (other.cases.len() > room).then_some(Problem::TooMany);
        self.cases.extend(other.cases.into_iter().take(room));
        self.problem = self.problem.take().or(other.problem).or(too_many);
        let mut left = DETAILS_BYTES_SUM;
        for details in self.cases.iter_mut().map(|case| &mut case.details) {
            match details.as_ref().map(String::len) {
                Some(length) if length > left => *details = None,
                Some(length) => left -= length,
                None => {}
            }
        }
    }
}

#[derive(Default)]
struct State {
    cases: Vec<TestCase>,
    /// The open elements' names.
    open: Vec<String>,
    suites: Vec<Suite>,
    case: Option<Draft>,
    /// Where text goes, and how deep the element lies that said so.
    capture: Option<(Capture, usize)>,
    details_bytes: usize,
    seen_root: bool,
}

#[derive(Default)]
struct Suite {
    name: Option<String>,
    file: Option<String>,
}

#[derive(Default)]
struct Draft {
    case: TestCase,
    /// What failures say.
    evidence: String,
    /// A message of several lines; shown where failures say nothing else.
    long_message: String,
    /// What it printed; shown where there is no other evidence.
    output: String,
    /// The type of the first failure: mostly an exception's.
    kind: Option<String>,
    /// It stands for what went wrong with the suite itself.
    of_suite: bool,
}

/// Messages that writers put where they have none; what the failure says is better.
const SAYS_NOTHING: [&str; 4] = ["failed", "failure", "error", "skipped"];

#[derive(Clone, Copy)]
enum Capture {
    Evidence,
    Reason,
    Output,
}

impl State {
    fn run(&mut self, text: &str) -> Result<(), Problem> {
        let mut reader = Reader::from_str(text);
        reader.config_mut().allow_dangling_amp = true;
        loop {
            let at = usize::try_from(reader.buffer_position()).unwrap_or(text.len());
            let line = || 1 + text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count();
            match reader.read_event() {
                Ok(Event::Start(element)) => {
                    if self.open.len() == DEPTH_MAX {
                        return Err(Problem::TooDeep { line: line() });
                    }
                    self.start(&element)?;
                }
                Ok(Event::Empty(element)) => {
                    self.start(&element)?;
                    self.end()?;
                }
                Ok(Event::End(_)) => self.end()?,
                Ok(Event::Text(text)) => self.text(&text.into_inner()),
                Ok(Event::CData(text)) => self.text(&text.into_inner()),
                Ok(Event::GeneralRef(reference)) => self.text(&resolve(&reference.into_inner())),
                Ok(Event::Eof) if !self.open.is_empty() => {
                    self.close_case();
                    return Err(Problem::Unfinished);
                }
                Ok(Event::Eof) if !self.seen_root => return Err(Problem::Empty),
                Ok(Event::Eof) => return Ok(()),
                Ok(Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_)) => {}
                Err(error) => {
                    self.close_case();
                    return Err(Problem::NotXml { line: line(), what: one_line(&error.to_string(), 200) });
                }
            }
        }
    }

    fn start(&mut self, element: &BytesStart<'_>) -> Result<(), Problem> {
        let name = element.local_name().as_ref().to_owned();
        if !std::mem::replace(&mut self.seen_root, true) && !matches!(name.as_str(), "testsuites" | "testsuite") {
            return Err(Problem::NotJunit(one_line(&name, 50)));
        }
        match name.as_str() {
            "testsuite" => self.suites.push(Suite {
                name: attribute(element, &["name"]).map(|name| one_line(&name, NAME_BYTES_MAX)),
                file: attribute(element, &["file", "filepath"]).map(|file| one_line(&file, NAME_BYTES_MAX)),
            }),
            "testcase" => {
                self.close_case();
                self.case = Some(self.draft(element));
            }
            "failure" | "error" | "skipped" | "rerunFailure" | "rerunError" | "flakyFailure" | "flakyError"
            | "system-out" | "system-err" => self.verdict(&name, element),
            _ => {}
        }
        self.open.push(name);
        Ok(())
    }

    fn draft(&self, element: &BytesStart<'_>) -> Draft {
        let suite = self.suites.last();
        let text = |names: &[&str]| {
            let text = attribute(element, names).map(|text| one_line(&text, NAME_BYTES_MAX));
            text.filter(|text| !text.is_empty())
        };
        let word = |name: &str| attribute(element, &[name]).unwrap_or_default().to_ascii_lowercase();
        let idle = ["notrun", "skipped", "disabled", "ignored", "suppressed"];
        let skipped = idle.contains(&word("status").as_str()) || idle.contains(&word("result").as_str());
        let case = TestCase {
            name: text(&["name"]).unwrap_or_else(|| "a test without a name".to_owned()),
            class: text(&["classname", "class"]),
            suite: suite.and_then(|suite| suite.name.clone()).filter(|name| !name.is_empty()),
            outcome: if skipped { CaseOutcome::Skipped } else { CaseOutcome::Passed },
            took_ms: attribute(element, &["time", "duration"]).and_then(|time| milliseconds(&time)),
            file: text(&["file", "filepath"]).or_else(|| suite.and_then(|suite| suite.file.clone())),
            line: attribute(element, &["line", "lineno"]).and_then(|line| line.trim().parse().ok()).filter(|n| *n > 0),
            ..TestCase::default()
        };
        Draft { case, ..Draft::default() }
    }

    /// An element that says how the test ended, or what it printed.
    fn verdict(&mut self, name: &str, element: &BytesStart<'_>) {
        let capture = match name {
            "system-out" | "system-err" => Capture::Output,
            "skipped" => Capture::Reason,
            _ => Capture::Evidence,
        };
        if self.case.is_none() {
            // Some writers say so of a suite whose set-up failed.
            let Some(suite) = self.suites.last().filter(|_| matches!(name, "failure" | "error")) else { return };
            let name = suite.name.clone().unwrap_or_else(|| "a suite without a name".to_owned());
            let case = TestCase { suite: Some(name.clone()), name, file: suite.file.clone(), ..TestCase::default() };
            self.case = Some(Draft { case, of_suite: true, ..Draft::default() });
        }
        let Some(draft) = &mut self.case else { return };
        match name {
            "failure" => draft.case.outcome = CaseOutcome::Failed,
            "error" if draft.case.outcome != CaseOutcome::Failed => draft.case.outcome = CaseOutcome::Error,
            "skipped" if draft.case.outcome == CaseOutcome::Passed => draft.case.outcome = CaseOutcome::Skipped,
            "flakyFailure" | "flakyError" => draft.case.failed_attempts += 1,
            _ => {}
        }
        let message = attribute(element, &["message"]).filter(|_| !matches!(capture, Capture::Output));
        if let Some(message) = message {
            let line = one_line(&message, MESSAGE_BYTES_MAX);
            if !line.is_empty() && !SAYS_NOTHING.contains(&line.to_ascii_lowercase().as_str()) {
                draft.case.message.get_or_insert(line);
            }
            if draft.long_message.is_empty() && message.trim().contains('\n') {
                push_limited(&mut draft.long_message, &message);
            }
        }
        if let Some(kind) = attribute(element, &["type"]).filter(|_| matches!(capture, Capture::Evidence)) {
            draft.kind.get_or_insert(one_line(&kind, MESSAGE_BYTES_MAX));
        }
        self.capture.get_or_insert((capture, self.open.len()));
    }

    fn text(&mut self, text: &str) {
        let (Some((capture, _)), Some(draft)) = (self.capture, &mut self.case) else { return };
        match capture {
            Capture::Evidence | Capture::Reason => push_limited(&mut draft.evidence, text),
            Capture::Output => push_limited(&mut draft.output, text),
        }
    }

    fn end(&mut self) -> Result<(), Problem> {
        let Some(name) = self.open.pop() else { return Ok(()) };
        if self.capture.is_some_and(|(_, depth)| depth == self.open.len()) {
            self.capture = None;
            if let Some(draft) = &mut self.case {
                push_limited(&mut draft.evidence, "\n");
            }
        }
        let of_suite = self.case.as_ref().is_some_and(|draft| draft.of_suite);
        match name.as_str() {
            "testsuite" => {
                self.close_case();
                self.suites.pop();
            }
            "testcase" => self.close_case(),
            "failure" | "error" if of_suite => self.close_case(),
            _ => {}
        }
        if self.cases.len() > CASES_MAX {
            self.cases.truncate(CASES_MAX);
            return Err(Problem::TooMany);
        }
        Ok(())
    }

    fn close_case(&mut self) {
        self.capture = None;
        let Some(Draft { mut case, evidence, long_message, output, kind, .. }) = self.case.take() else { return };
        if case.outcome != CaseOutcome::Passed || case.failed_attempts > 0 {
            let said = |text: &String| !text.trim().is_empty();
            let evidence = [evidence, long_message, output].into_iter().find(said).unwrap_or_default();
            if case.message.is_none() {
                let first = Some(first_line(&evidence, &case)).filter(|line| !line.is_empty());
                case.message = first.or(kind).filter(|line| !line.is_empty());
            }
            let details = cut_middle(clean(&evidence).trim_matches('\n').trim_end(), DETAILS_BYTES_MAX);
            let news = !details.is_empty() && case.message.as_ref() != Some(&details);
            if news && self.details_bytes + details.len() <= DETAILS_BYTES_SUM {
                self.details_bytes += details.len();
                case.details = Some(details);
            }
        }
        self.cases.push(case);
    }
}

/// The first line that says something; not the test's own name, which some writers put there.
fn first_line(evidence: &str, case: &TestCase) -> String {
    let first = one_line(evidence, MESSAGE_BYTES_MAX);
    if !first.ends_with(case.name.as_str()) {
        return first;
    }
    let rest = evidence.trim_start().split_once('\n').map_or("", |(_, rest)| rest);
    Some(one_line(rest, MESSAGE_BYTES_MAX)).filter(|line| !line.is_empty()).unwrap_or(first)
}

/// The first of these attributes that is there, with its references resolved.
fn attribute(element: &BytesStart<'_>, names: &[&str]) -> Option<String> {
    let mut attributes = element.attributes();
    let written: Vec<_> = attributes.with_checks(false).flatten().collect();
    let found = names.iter().find_map(|name| written.iter().find(|it| it.key.local_name().as_ref() == *name));
    found.map(|attribute| unescape(&attribute.value))
}

/// Text with its references resolved; what is none is left as it is.
fn unescape(text: &str) -> String {
    let mut resolved = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        resolved.push_str(&rest[..at]);
        rest = &rest[at..];
        // The longest reference that means something is `&#x10FFFF;`.
        match rest.bytes().take(12).position(|byte| byte == b';') {
            Some(end) => {
                resolved.push_str(&resolve(&rest[1..end]));
                rest = &rest[end + 1..];
            }
            None => {
                resolved.push('&');
                rest = &rest[1..];
            }
        }
    }
    resolved + rest
}

/// XML's five entities and numbers of characters. All others stay as they are written: a document's own entities are
/// the way to make small files large, or to read other files.
fn resolve(name: &str) -> String {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let character = match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix('#') {
            Some(digits) if digits.starts_with(['x', 'X']) => number(&digits[1..], 16),
            Some(digits) => number(digits, 10),
            None => None,
        },
    };
    character.map_or_else(|| format!("&{name};"), String::from)
}

/// `1.5`, `1,234.5` (as Surefire writes it): seconds.
fn milliseconds(text: &str) -> Option<u64> {
    let seconds: f64 = text.trim().replace(',', "").parse().ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
    (0.0..1e9).contains(&seconds).then(|| (seconds * 1000.0).round() as u64)
}

/// Four times of what is kept is enough to choose from.
fn push_limited(text: &mut String, more: &str) {
    let room = (4 * DETAILS_BYTES_MAX).saturating_sub(text.len());
    let end = (0..=room.min(more.len())).rev().find(|at| more.is_char_boundary(*at)).unwrap_or(0);
    text.push_str(&more[..end]);
}
