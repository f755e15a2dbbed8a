//! Reads single values: each method gives the typed value, or reports what is wrong with it.

use super::facts::Facts;
use super::findings::{Findings, key_span_of, span_of};
use super::tree::{Node, Path};
use super::words::nearest;
use crate::Name;
use crate::units::{parse_duration, parse_percentage, parse_size};
use std::collections::BTreeSet;
use std::time::Duration;

/// The document, the names in it, and the errors found so far.
pub(super) struct Reader<'a> {
    /// The file's text.
    pub(super) text: &'a str,
    /// The document without what has a wrong type.
    pub(super) root: &'a Node,
    pub(super) facts: Facts,
    pub(super) findings: Findings,
}

impl Reader<'_> {
    /// Reports an error at a value, unless one is known.
    pub(super) fn report(&mut self, path: &Path, message: impl Into<String>, help: impl Into<String>) {
        if !self.findings.is_broken(path) {
            self.findings.report(span_of(self.root, path), message, help);
        }
    }

    /// Reports an error at a key.
    pub(super) fn report_key(&mut self, path: &Path, message: impl Into<String>, help: impl Into<String>) {
        self.findings.report(key_span_of(self.root, path), message, help);
    }

    /// A key that is a name. `what` it names, for the message.
    pub(super) fn key_name(&mut self, path: &Path, text: &str, what: &str) -> Option<Name> {
        self.checked_name(text, what).map_err(|(message, help)| self.report_key(path, message, help)).ok()
    }

    /// A value that is a name.
    pub(super) fn name(&mut self, path: &Path, text: &str, what: &str) -> Option<Name> {
        self.checked_name(text, what).map_err(|(message, help)| self.report(path, message, help)).ok()
    }

    fn checked_name(&self, text: &str, what: &str) -> Result<Name, (String, String)> {
        let _ = self;
        Name::new(text).map_err(|error| {
            let help = format!("{what} names are a-z, 0-9 and `-`, begin with a letter and have at most 20 characters");
            (error.to_string().escape_debug().to_string(), help)
        })
    }

    /// A duration; `zero` says whether none at all makes sense.
    pub(super) fn duration(&mut self, path: &Path, text: Option<&String>, zero: bool) -> Option<Duration> {
        let text = text?;
        match parse_duration(text) {
            Ok(duration) if zero || !duration.is_zero() => Some(duration),
            Ok(_) => {
                self.report(
                    path,
                    format!("`{path}` cannot be zero"),
                    "write a duration such as `500ms`, `30s` or `10m`",
                );
                None
            }
            Err(error) => {
                let message = format!("`{}` is {error}", text.escape_debug());
                self.report(path, message, "write a number and `ms`, `s`, `m`, `h` or `d`, such as `500ms` or `10m`");
                None
            }
        }
    }

    /// A size in bytes.
    pub(super) fn size(&mut self, path: &Path, text: Option<&String>) -> Option<u64> {
        let text = text?;
        match parse_size(text) {
            Ok(bytes) if bytes > 0 => Some(bytes),
            Ok(_) => {
                self.report(path, format!("`{path}` cannot be zero"), "write a size such as `256MB` or `1GiB`");
                None
            }
            Err(error) => {
                let message = format!("`{}` is {error}", text.escape_debug());
                self.report(path, message, "write a number and a unit, such as `256MB` or `1GiB`");
                None
            }
        }
    }

    /// A share of the CPU, in thousandths of a core.
    pub(super) fn cpu(&mut self, path: &Path, cores: Option<f64>) -> Option<u32> {
        let cores = cores?;
        if (0.001..=1024.0).contains(&cores) {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range was just checked")]
            return Some((cores * 1000.0).round() as u32);
        }
        self.report(path, format!("`{path}` must be from 0.001 to 1024"), "write a number of cores, such as `0.5`");
        None
    }

    /// The steps of a shift.
    pub(super) fn shift(&mut self, path: &Path, texts: Option<&Vec<String>>) -> Option<Vec<u8>> {
        let help = "write ascending percentages that end with 100%, such as `[\"10%\", \"50%\", \"100%\"]`";
        let texts = texts?;
        let mut shares: Vec<u8> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let path = path.index(index);
            match parse_percentage(text) {
                Ok(share) if shares.last().is_some_and(|last| *last >= share) => {
                    self.report(&path, format!("`{text}` is not more than the step before it"), help);
                    return None;
                }
                Ok(share) => shares.push(share),
                Err(error) => {
                    self.report(&path, format!("`{}` is {error} from 1% to 100%", text.escape_debug()), help);
                    return None;
                }
            }
        }
        if shares.last() == Some(&100) {
            return Some(shares);
        }
        self.report(path, format!("`{path}` does not end with 100%"), help);
        None
    }

    /// An argument list, or a part of one: nothing that cannot be passed to a program.
    pub(super) fn arguments(&mut self, path: &Path, arguments: &[String]) -> Vec<String> {
        match arguments.first() {
            None => self.report(path, format!("`{path}` is empty"), "name the program, then its arguments"),
            Some(program) if program.trim().is_empty() => {
                self.report(&path.index(0), "the program has no name", "name the program, then its arguments");
            }
            Some(_) => {}
        }
        for (index, argument) in arguments.iter().enumerate() {
            self.no_null(&path.index(index), argument);
        }
        arguments.to_vec()
    }

    /// No program takes NUL in an argument or a setting.
    pub(super) fn no_null(&mut self, path: &Path, text: &str) {
        if text.contains('\0') {
            self.report(path, format!("`{path}` contains a NUL byte"), "no program can be given one: take it out");
        }
    }

    /// A service that something refers to, if it exists.
    pub(super) fn known_service(&mut self, path: &Path, text: &str) -> Option<Name> {
        if self.facts.services.contains_key(text) {
            // A bad name has been reported where it is declared.
            return Name::new(text).ok();
        }
        let help = nearest(text, self.facts.services.keys().map(String::as_str)).map_or_else(
            || format!("declare it: `[services.{}]`", text.escape_debug()),
            |name| format!("did you mean `{name}`?"),
        );
        self.report(path, format!("there is no service `{}`", text.escape_debug()), help);
        None
    }

    /// A list of services, each once.
    pub(super) fn known_services(&mut self, path: &Path, texts: &[String]) -> Vec<Name> {
        let mut seen = BTreeSet::new();
        let mut names = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            let path = path.index(index);
            if !seen.insert(text) {
                self.report(&path, format!("`{}` is listed twice", text.escape_debug()), "leave one out");
            } else if let Some(name) = self.known_service(&path, text) {
                names.push(name);
            }
        }
        names
    }
}
