//! A verdict in the formats of others: JUnit's XML in and out, SARIF, Markdown.
//!
//! What tests print comes from outside: everything is cut, and nothing of it can end what it stands in. This crate does
//! no IO: bytes in, text out.

pub mod junit;
pub mod limits;
pub mod markdown;
pub mod sarif;
pub mod text;
