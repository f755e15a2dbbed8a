//! The errors of one file, collected.

use super::tree::{Node, Path};
use seaworthy_diagnostics::{Diagnostic, Place};
use std::collections::BTreeSet;
use std::ops::Range;

/// What is wrong so far, and which values are known to be wrong, so that nothing is said of them twice.
#[derive(Debug, Default, Clone)]
pub(super) struct Findings {
    found: Vec<Finding>,
    broken: BTreeSet<Path>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    start: usize,
    end: usize,
    message: String,
    help: String,
}

impl Findings {
    /// Adds an error at some bytes.
    pub(super) fn report(&mut self, span: Range<usize>, message: impl Into<String>, help: impl Into<String>) {
        self.found.push(Finding { start: span.start, end: span.end, message: message.into(), help: help.into() });
    }

    /// Remembers that what stands at a path cannot be used.
    pub(super) fn break_at(&mut self, path: Path) {
        self.broken.insert(path);
    }

    /// Whether an error about this value (or an item of it) is known.
    pub(super) fn is_broken(&self, path: &Path) -> bool {
        self.broken.contains(path)
    }

    /// Adds all errors of another.
    pub(super) fn merge(&mut self, other: Self) {
        self.found.extend(other.found);
        self.broken.extend(other.broken);
    }

    /// How many errors there are.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// The errors in the order of the file, each once.
    pub(super) fn into_diagnostics(mut self, file: &str, text: &str) -> Vec<Diagnostic> {
        self.found.sort();
        self.found.dedup();
        let place = |finding: &Finding| place(file, text, finding.start..finding.end);
        self.found
            .into_iter()
            .map(|finding| Diagnostic::user(finding.message.as_str()).at(place(&finding)).help(finding.help.as_str()))
            .collect()
    }
}

/// These bytes of a file.
pub(super) fn place(file: &str, text: &str, span: Range<usize>) -> Place {
    Place { file: file.to_owned(), text: text.to_owned(), span: visible(text, span) }
}

/// The span of what stands at a path, or of the nearest thing around it.
pub(super) fn span_of(root: &Node, path: &Path) -> Range<usize> {
    let mut path = path.clone();
    loop {
        if let Some(node) = root.get(&path) {
            return node.shown();
        }
        path = path.parent();
    }
}

/// The span of the key of what stands at a path, or of the nearest thing around it.
pub(super) fn key_span_of(root: &Node, path: &Path) -> Range<usize> {
    root.get(path).map_or_else(|| span_of(root, path), |node| node.key_span.clone())
}

/// The span, widened or cut so that it lies on character boundaries within the text.
fn visible(text: &str, span: Range<usize>) -> (usize, usize) {
    let mut start = span.start.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let mut end = span.end.clamp(start, text.len());
    while !text.is_char_boundary(end) {
        end += 1;
    }
    (start, end)
}
