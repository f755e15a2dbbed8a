//! The formats of Debian: bytes in, values out, no file and no network.

pub mod ar;
pub mod deb822;
mod decompress;
pub mod elf;
pub mod relation;
pub mod version;

pub(crate) use decompress::{Compression, reader};
