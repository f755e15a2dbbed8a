//! A service that was found, before it is written down.

use std::collections::{BTreeMap, BTreeSet};

/// What is known of a service.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    /// The name that its files suggest; it may still be no name, or taken.
    pub(super) wanted_name: String,
    /// Its folder, relative to the root; `.` for the root.
    pub(super) path: String,
    /// Folders whose files belong to it.
    pub(super) covers: BTreeSet<String>,
    pub(super) build: Vec<String>,
    pub(super) test: Vec<String>,
    pub(super) files: Vec<String>,
    pub(super) run: Vec<String>,
    pub(super) before: Vec<String>,
    pub(super) base: Vec<String>,
    pub(super) port: Listens,
    pub(super) health: Option<String>,
    pub(super) checks: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
    /// Wanted names of services that it calls.
    pub(super) calls: BTreeSet<String>,
    /// What its source says, for finding out whom it calls.
    pub(super) text: String,
    /// What a person should look at, a line each.
    pub(super) comments: Vec<String>,
}

/// Where a service listens, as far as is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Listens {
    /// It may read `PORT`; nothing says otherwise.
    #[default]
    Given,
    /// On a number of its own.
    Fixed(u16),
    /// Nowhere.
    Nowhere,
}

/// A program and its arguments, or a shell that runs it if the line is more than words.
pub(super) fn run_of(line: &str) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,+% ".contains(c);
    // No program can be given a NUL.
    let line = line.replace('\0', "");
    let line = line.trim();
    if line.chars().all(plain) && !line.split(' ').next().unwrap_or_default().contains('=') {
        return line.split_whitespace().map(str::to_owned).collect();
    }
    ["sh", "-c", &format!("exec {line}")].map(str::to_owned).to_vec()
}
