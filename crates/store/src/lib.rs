//! What Seaworthy remembers: blobs by content on the file system, and everything else in one SQLite database.

pub mod blobs;
mod error;

pub use blobs::Blobs;
pub use error::StoreError;
