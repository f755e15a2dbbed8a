//! Errors of the parts as diagnostics.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use seaworthy_store::StoreError;
use std::error::Error;
use std::fmt::Write as _;

/// Why something was not done: at least one reason.
#[derive(Debug)]
pub(crate) struct Failures(pub Vec<Diagnostic>);

impl From<Diagnostic> for Failures {
    fn from(failure: Diagnostic) -> Self {
        Self(vec![failure])
    }
}

impl From<Vec<Diagnostic>> for Failures {
    fn from(failures: Vec<Diagnostic>) -> Self {
        Self(failures)
    }
}

impl From<StoreError> for Failures {
    fn from(failure: StoreError) -> Self {
        Self(vec![failure.into()])
    }
}

/// An error whose cause is the machine; the causes of the cause stay readable, and what a file's error says to do is
/// kept.
pub(crate) fn machine(error: &(dyn Error + 'static)) -> Diagnostic {
    let mut text = error.to_string();
    let mut help = error.downcast_ref().and_then(FileError::help);
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        help = help.or_else(|| cause.downcast_ref().and_then(FileError::help));
        source = cause.source();
    }
    let diagnostic = Diagnostic::machine(text);
    match help {
        Some(help) => diagnostic.help(help),
        None => diagnostic,
    }
}
