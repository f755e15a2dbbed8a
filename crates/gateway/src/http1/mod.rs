//! HTTP/1.1 (RFC 9110, RFC 9112) without IO: bytes in, heads and body events out, and back.
//!
//! Every message has one reading. What two programs could read in two ways (RFC 9112 section 11.2) is refused, however
//! harmless it looks: see [`HeadError`] and [`BodyError`]. Memory is bounded by [`crate::limits::Limits`], and a head
//! that is used again for the next request of its connection allocates nothing.

mod body;
mod chunked;
mod connection;
mod encode;
mod error;
mod fields;
mod framing;
mod known;
mod method;
mod request;
mod response;
mod scan;
mod target;
#[cfg(test)]
mod tests;

pub use body::{BodyDecoder, BodyEvent};
pub use connection::ConnectionOptions;
pub use encode::{HeadWriter, write_chunk, write_last_chunk};
pub use error::{BodyError, HeadError};
pub use fields::{Field, Fields, Span};
pub use framing::Framing;
pub use known::Known;
pub use method::Method;
pub use request::{RequestDecoder, RequestHead, Version};
pub use response::{ResponseDecoder, ResponseHead};
pub use scan::trim;
