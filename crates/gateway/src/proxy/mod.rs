//! Serving HTTP connections: the exchange with the instances, their idle connections, retries.
//!
//! One task serves one client connection ([`connection`]): it reads a head, finds who answers, and moves both bodies in
//! one loop, holding no more of either than [`crate::limits::Limits::buffer_bytes_max`].

mod answer;
mod attempt;
pub mod buffered;
mod client;
pub mod connection;
mod date;
mod exchange;
mod fan_out;
mod forward;
pub mod idle;
mod incoming;
mod outgoing;
mod record;
mod request;
mod response;
mod timer;
mod trace;
mod trailers;
mod transfer;
mod tunnel;
mod websocket;

pub use buffered::{BufferedAnswer, ExchangeError, PreparedRequest};
pub use client::ClientStream;
pub use trace::Trace;
