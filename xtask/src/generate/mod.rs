//! `cargo xtask generate`: documents that code is the source of.

mod commands;
mod limits;
mod manifest;

use crate::failure::Failure;
use crate::{output, shell, workspace};
use std::fs;
use std::path::Path;

const USAGE: &str = "usage: cargo xtask generate [--check] [--binary PATH]

  --check         write nothing; fail where something is not as it would be written
  --binary PATH   ask this `seaworthy` instead of building one";

/// A file, relative to the root, and what it has to hold.
struct Document {
    file: &'static str,
    content: String,
}

/// The words that start `seaworthy`.
struct Program(Vec<String>);

impl Program {
    fn built() -> Self {
        Self(["cargo", "run", "--quiet", "--locked", "--bin=seaworthy", "--"].map(str::to_owned).to_vec())
    }

    /// What it prints.
    fn ask(&self, root: &Path, arguments: &[&str]) -> Result<String, Failure> {
        let mut words: Vec<&str> = self.0.iter().map(String::as_str).collect();
        words.extend(arguments);
        shell::capture(root, &words)
    }
}

/// `cargo xtask generate [--check] [--binary PATH]`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut check = false;
    let mut program = Program::built();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--check" => check = true,
            "--binary" => program = Program(vec![arguments.next().ok_or(Failure::Usage(USAGE))?.clone()]),
            _ => return Err(Failure::Usage(USAGE)),
        }
    }
    let root = workspace::root();
    let documents =
        [limits::document(&root)?, commands::document(&root, &program)?, manifest::schema(&root, &program)?];
    manifest::check_page(&root, &documents[2].content)?;
    let mut stale = Vec::new();
    for document in documents {
        let path = root.join(document.file);
        if fs::read_to_string(&path).is_ok_and(|content| content == document.content) {
            continue;
        }
        stale.push(document.file);
        if !check {
            write(&path, &document.content)?;
            output::line(format!("wrote {}", document.file));
        }
    }
    if check && !stale.is_empty() { Err(Failure::Drift(stale.join(", "))) } else { Ok(()) }
}

#[expect(clippy::disallowed_methods, reason = "a document in a checkout, which git has")]
fn write(path: &Path, content: &str) -> Result<(), Failure> {
    fs::write(path, content).map_err(|source| Failure::Io { path: path.to_owned(), source })
}
