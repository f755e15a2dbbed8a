//! Errors that say what was being done.

use std::fmt::Display;
use std::io;

/// Adds to an error what was being done.
pub(super) trait Context<A> {
    /// `what: error`.
    fn context(self, what: impl Display) -> io::Result<A>;
}

impl<A, E: Into<io::Error>> Context<A> for Result<A, E> {
    fn context(self, what: impl Display) -> io::Result<A> {
        self.map_err(|error| {
            let error = error.into();
            io::Error::new(error.kind(), format!("{what}: {error}"))
        })
    }
}
