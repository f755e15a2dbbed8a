//! What the command line and a node say to each other: HTTP/1.1 with JSON bodies over a Unix socket, or the same bytes
//! over ssh's standard input and output.
//!
//! Whoever may open the socket may speak; there is no other credential. Errors come as [`wire::Failure`] with a status
//! of 400 to 599; streams are lines of JSON, but for `exec`, whose connection becomes one of [`frames`].

pub mod client;
pub mod frames;
pub mod wire;

pub use client::{Client, ClientError, Conversation, READS_VARIABLE, Transport};
pub use frames::Frame;

/// The version in every path (`/v1/…`).
pub const API_VERSION: u32 = 1;
