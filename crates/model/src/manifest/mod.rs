//! `seaworthy.toml`: from text to typed values, with all of its errors at once.
//!
//! The text becomes a tree that remembers places; the schema made of the raw types takes unknown keys and wrong types
//! out of it; serde reads the rest; then names, values and references are checked. Each stage reports and goes on.

mod calls;
mod collisions;
mod debian;
mod environment;
mod facts;
mod findings;
mod follow;
mod gates;
mod job;
mod paths;
mod raw;
mod reader;
mod route;
mod schema;
mod service;
mod settings;
mod shape;
mod tree;
mod typed;
pub(crate) mod words;

pub use schema::schema;
pub use typed::{
    BuildNetwork, CheckSource, DebianSource, FileSource, Manifest, MirrorSource, RouteSource, ServiceSource,
};

use crate::Name;
use facts::Facts;
use findings::Findings;
use reader::Reader;
use seaworthy_diagnostics::{Diagnostic, Place};
use shape::Shape;
use std::collections::BTreeSet;
use std::ops::Range;
use toml::de::DeTable;
use tree::{Node, Path};

/// The file's usual name.
pub const MANIFEST_FILE: &str = "seaworthy.toml";

/// The name of the file beside it with what bases were locked to.
pub const LOCK_FILE: &str = "seaworthy.lock";
/// The largest file that is read, in bytes.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;

/// Reads a manifest. `file` is its path as the user would type it, for messages.
///
/// # Errors
/// Everything that is wrong with it, in the order of the file, each with its place. A file that is no TOML has only
/// those errors: what it might mean is not guessed.
pub fn parse(file: &str, text: &str) -> Result<Manifest, Vec<Diagnostic>> {
    if text.len() > MANIFEST_BYTES_MAX {
        let message = format!("`{file}` is larger than {}", crate::units::format_size(MANIFEST_BYTES_MAX as u64));
        return Err(vec![Diagnostic::user(message).help("keep what is not a manifest elsewhere")]);
    }
    let mut findings = Findings::default();
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        syntax_errors(text, &errors, &mut findings);
        return Err(findings.into_diagnostics(file, text));
    }
    let written = Node::document(table);
    let mut root = written.clone();
    Shape::new(&schema()).check_document(&mut root, &mut findings);
    let raw: raw::Manifest = match serde_json::from_value(root.to_json()) {
        Ok(raw) => raw,
        Err(error) => {
            findings.report(0..0, error.to_string(), "this should have been found with its place: please report it");
            return Err(findings.into_diagnostics(file, text));
        }
    };
    let mut reader = Reader { text, root: &root, facts: Facts::new(&written, &raw), findings };
    let manifest = reader.manifest(&raw);
    match manifest {
        Some(manifest) if reader.findings.len() == 0 => Ok(manifest),
        _ => Err(reader.findings.into_diagnostics(file, text)),
    }
}

/// The place of what stands below these keys of a manifest, or of the nearest thing around it: for what shows to be
/// wrong only where there are files. `file` is as for [`parse`].
#[must_use]
pub fn place_of(file: &str, text: &str, keys: &[&str]) -> Place {
    let (table, _) = DeTable::parse_recoverable(text);
    let path = keys.iter().fold(Path::default(), |path, key| path.key(key));
    findings::place(file, text, findings::span_of(&Node::document(table), &path))
}

impl Reader<'_> {
    fn manifest(&mut self, raw: &raw::Manifest) -> Option<Manifest> {
        let root = Path::default();
        let app = raw.app.as_ref().and_then(|app| self.name(&root.key("app"), app, "app"));
        let production = raw.production.as_deref().unwrap_or("prod");
        if raw.production.is_some() && !self.facts.environments.contains(production) {
            let help = format!("declare it: `[environments.{}]`", production.escape_debug());
            let message = format!("there is no environment `{}`", production.escape_debug());
            self.report(&root.key("production"), message, help);
        }
        if raw.services.is_empty() && self.facts.services.is_empty() && !self.facts.services_are_misspelt {
            let help =
                "add one: `[services.NAME]` with `run = [\"./program\"]`, or let `seaworthy init` write the file";
            self.report_key(&root, "the file declares no service", help);
        }
        let services = self.services(&raw.services);
        for (name, source) in &services {
            let path = root.key("services").key(name.as_str()).key("env");
            let places = source.service.env.keys().map(|key| (key.as_str(), path.key(key))).collect();
            self.value_cycle(&source.service.env, &places);
        }
        let routes = self.routes(&raw.routes);
        let jobs = self.jobs(&raw.jobs);
        let environments = self.environments(raw, production, &services);
        self.collisions(&routes, &environments);
        let gates = self.gates(&raw.gates);
        let debian = self.debian(&raw.debian);
        let production = Name::new(production).ok()?;
        Some(Manifest { app: app?, production, services, routes, jobs, environments, gates, debian })
    }
}

/// At most one error for each line: what follows it is mostly its consequence. After something that was never closed,
/// everything is: then only the first one is told.
fn syntax_errors(text: &str, errors: &[toml::de::Error], findings: &mut Findings) {
    let mut sorted: Vec<_> = errors.iter().map(|e| (e.span().unwrap_or(0..0), e.message())).collect();
    sorted.sort_by_key(|(span, _)| span.start);
    let unclosed = sorted.iter().any(|(_, message)| message.starts_with("unclosed"));
    let mut lines = BTreeSet::new();
    for (span, message) in sorted {
        let before = text.as_bytes().get(..span.start).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        if lines.insert(line) && (!unclosed || lines.len() == 1) {
            let help = syntax_help(text, &span);
            findings.report(span, message, help);
        }
    }
}

/// A header whose name TOML cannot read becomes one that it can.
fn syntax_help(text: &str, span: &Range<usize>) -> String {
    let begin = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(begin..).and_then(|rest| rest.lines().next()).unwrap_or_default().trim();
    let header = line.strip_prefix('[').and_then(|rest| rest.split(']').next()).unwrap_or_default();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if header.is_empty() || header.contains(['"', '\'', '[', '#']) || header.chars().all(is_plain) {
        return "the file is TOML: see https://toml.io".to_owned();
    }
    let words = header.split(|c| !is_plain(c)).filter(|word| !word.is_empty());
    let name = words.collect::<Vec<_>>().join("-").replace("-.", ".").replace(".-", ".").to_lowercase();
    format!("names are `a-z`, `0-9` and `-`, without blanks: `[{name}]`")
}
