//! Streams that know what went through them.

use crate::ImageError;
use seaworthy_model::Digest;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read, Write};

/// Hashes and counts what is written or read.
pub(crate) struct Hashed<T> {
    inner: T,
    hash: Sha256,
    bytes: u64,
}

impl<T> Hashed<T> {
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, hash: Sha256::new(), bytes: 0 }
    }

    /// The stream, and the digest and number of the bytes that went through it.
    pub(crate) fn finish(self) -> (T, Digest, u64) {
        let text = format!("sha256:{}", hex::encode(self.hash.finalize()));
        let digest = Digest::try_from(text).expect("a SHA-256 in hexadecimal digits is a digest");
        (self.inner, digest, self.bytes)
    }
}

impl<T: Write> Write for Hashed<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Hashed<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Gives at most so many bytes, and an error instead of more.
pub(crate) struct AtMost<T> {
    inner: T,
    left: u64,
    limit: u64,
    what: &'static str,
}

impl<T> AtMost<T> {
    pub(crate) fn new(inner: T, limit: u64, what: &'static str) -> Self {
        Self { inner, left: limit, limit, what }
    }
}

impl<T: Read> Read for AtMost<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.checked_sub(read as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(ImageError::TooMuch { what: self.what, limit: self.limit })),
        }
        Ok(read)
    }
}
