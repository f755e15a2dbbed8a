//! The real helper against real servers. One test binary, because each links all of Hurl's libraries.

mod connections;
mod outcomes;
mod protocol;
mod support;
