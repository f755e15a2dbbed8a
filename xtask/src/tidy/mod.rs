//! The rules of the house that no compiler checks. Each rule is a pure function from text to problems.

mod architecture;
mod exceptions;
mod functions;
mod layers;
mod linked;
mod purity;
mod text;

use crate::failure::Failure;
use crate::{output, workspace};
use std::fmt;
use std::path::{Path, PathBuf};

/// Something to put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    file: PathBuf,
    /// 1-based; 0 where it is about the whole file.
    line: usize,
    message: String,
}

impl Problem {
    fn new(file: impl Into<PathBuf>, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.into(), line, message: message.into() }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(formatter, "{}: {}", self.file.display(), self.message),
            line => write!(formatter, "{}:{line}: {}", self.file.display(), self.message),
        }
    }
}

/// `cargo xtask tidy`.
pub(crate) fn run() -> Result<(), Failure> {
    let root = workspace::root();
    let problems = problems(&root)?;
    for problem in &problems {
        output::line(problem);
    }
    if problems.is_empty() { Ok(()) } else { Err(Failure::Untidy(problems.len())) }
}

fn problems(root: &Path) -> Result<Vec<Problem>, Failure> {
    let mut problems = Vec::new();
    let mut lengths = Vec::new();
    for file in workspace::files(root)? {
        let Some(content) = workspace::text(root, &file)? else { continue };
        problems.extend(text::check(&file, &content));
        if file.extension().is_some_and(|extension| extension == "rs") {
            lengths.push((file.clone(), content.lines().count()));
            problems.extend(functions::check(&file, &content));
            problems.extend(purity::check(&file, &content));
        }
    }
    problems.extend(exceptions::check(&lengths, exceptions::FILES));
    let packages = workspace::packages(root)?;
    problems.extend(layers::check(&packages));
    let page = workspace::text(root, Path::new("ARCHITECTURE.md"))?.unwrap_or_default();
    problems.extend(architecture::check(&packages, &page));
    problems.extend(linked::check(root)?);
    Ok(problems)
}
