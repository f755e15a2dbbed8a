//! The real helper against real servers. One test binary, because each links all of Hurl's libraries.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its world has failed")]

mod connections;
mod outcomes;
mod protocol;
mod support;
