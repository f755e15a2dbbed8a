//! The one place of this crate that prints.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "every other module of xtask prints through here")]

use std::error::Error;
use std::fmt::Display;
use std::io::Write;

/// One line of a task's result.
pub(crate) fn line(text: impl Display) {
    println!("{text}");
    let _ = std::io::stdout().flush();
}

/// An error with everything that caused it.
pub(crate) fn error(error: &dyn Error) {
    eprintln!("error: {error}");
    let mut source = error.source();
    while let Some(cause) = source {
        eprintln!("  because: {cause}");
        source = cause.source();
    }
}
