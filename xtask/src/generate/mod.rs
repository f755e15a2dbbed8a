//! `cargo xtask generate`: documents that code is the source of.

mod commands;
mod limits;
mod manifest;

use crate::failure::Failure;
use crate::{output, workspace};
use std::fs;
use std::path::Path;

const USAGE: &str = "usage: cargo xtask generate [--check]";

/// A file, relative to the root, and what it has to hold.
struct Document {
    file: &'static str,
    content: String,
}

/// `cargo xtask generate [--check]`.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let check = match arguments {
        [] => false,
        [argument] if argument == "--check" => true,
        _ => return Err(Failure::Usage(USAGE)),
    };
    let root = workspace::root();
    let documents = [limits::document(&root)?, commands::document(&root)?, manifest::schema(&root)?];
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
