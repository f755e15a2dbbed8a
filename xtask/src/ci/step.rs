//! What `ci` consists of.

use super::examples;
use crate::failure::Failure;
use std::path::{Path, PathBuf};

/// One thing that must end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    /// Short and unique; `kind folder` where there are several of a kind.
    pub(super) name: String,
    pub(super) folder: PathBuf,
    pub(super) command: Vec<String>,
    /// Runs tests: one that counts none has failed.
    pub(super) tests: bool,
    /// Takes the database server of `TEST_POSTGRES_URL`, if there is one.
    pub(super) database: bool,
    /// Left out by `--quick`.
    pub(super) slow: bool,
}

impl Step {
    pub(super) fn new(name: impl Into<String>, folder: &Path, command: &str) -> Self {
        Self {
            name: name.into(),
            folder: folder.to_owned(),
            command: command.split_whitespace().map(str::to_owned).collect(),
            tests: false,
            slow: false,
            database: false,
        }
    }

    /// One more argument, whatever it holds.
    pub(super) fn argument(mut self, argument: &str) -> Self {
        self.command.push(argument.to_owned());
        self
    }

    pub(super) fn tests(self) -> Self {
        Self { tests: true, ..self }
    }

    pub(super) fn database(self) -> Self {
        Self { database: true, ..self }
    }

    pub(super) fn slow(self) -> Self {
        Self { slow: true, ..self }
    }

    /// By its whole name, or by the name's first word.
    pub(super) fn is_named(&self, name: &str) -> bool {
        self.name == name || self.name.split(' ').next() == Some(name)
    }
}

/// All steps, in the order in which they run: what is quick and what says most comes first.
pub(super) fn all(root: &Path) -> Result<Vec<Step>, Failure> {
    let step = |name: &str, command: &str| Step::new(name, root, command);
    let mut steps = vec![
        step("format", "cargo fmt --all --check"),
        step("scripts", "shellcheck --external-sources setup.sh test.sh scripts/packages.sh .ci/run"),
        step("tidy", "cargo xtask tidy"),
        // All at once, whatever that does to features: every dependency is compiled once for it. What is built below is
        // built as it is shipped.
        step("clippy", "cargo clippy --locked --workspace --features xtask/bench --all-targets -- -D warnings"),
        // Fuzzing needs another compiler and hours; here the targets only must not rot.
        step("fuzz", "cargo check --locked --manifest-path fuzz/Cargo.toml --target-dir target").slow(),
        // The tests of the other crates start this helper.
        step("build-check", "cargo build --locked --package seaworthy-check"),
        step("build", "cargo build --locked"),
        step("generate", "cargo xtask generate --check"),
        step("test", "cargo test --locked --no-fail-fast --features xtask/bench").tests(),
        step("test-check", "cargo test --locked --no-fail-fast --package seaworthy-check").tests(),
    ];
    steps.extend(examples::steps(root)?);
    Ok(steps)
}
