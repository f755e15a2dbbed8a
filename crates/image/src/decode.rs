//! A layer's bytes, decompressed: gzip of any number of members, zstd of any number of frames, or neither.

use crate::ImageError;
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};
use std::io::{self, BufRead, BufReader, Read};

/// How a layer is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compressed {
    /// Not at all.
    No,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compressed {
    /// By a layer's media type: OCI's, and what Docker called the same things before.
    #[must_use]
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/vnd.oci.image.layer.v1.tar" => Some(Self::No),
            "application/vnd.oci.image.layer.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" => Some(Self::Gzip),
            "application/vnd.oci.image.layer.v1.tar+zstd" => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// Reads through the decompressor.
pub(crate) fn reader<'a>(compressed: Compressed, bytes: impl Read + 'a) -> Box<dyn Read + 'a> {
    let bytes = BufReader::with_capacity(64 * 1024, bytes);
    match compressed {
        Compressed::No => Box::new(bytes),
        Compressed::Gzip => Box::new(MultiGzDecoder::new(bytes)),
        Compressed::Zstd => Box::new(Frames { bytes, decoder: FrameDecoder::new(), inside: false }),
    }
}

/// Frames of zstd, one after the other; those that are to be skipped are.
struct Frames<R: BufRead> {
    bytes: R,
    decoder: FrameDecoder,
    inside: bool,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if buffer.is_empty() || !(self.inside || self.next()?) {
                return Ok(0);
            }
            while self.decoder.can_collect() == 0 && !self.decoder.is_finished() {
                let decoded = self.decoder.decode_blocks(&mut self.bytes, BlockDecodingStrategy::UptoBlocks(1));
                decoded.map_err(|error| damaged(&error))?;
            }
            let read = self.decoder.read(buffer)?;
            if read > 0 {
                return Ok(read);
            }
            self.inside = false;
        }
    }
}

impl<R: BufRead> Frames<R> {
    /// Goes to the next frame; false: there is none.
    fn next(&mut self) -> io::Result<bool> {
        loop {
            if self.bytes.fill_buf()?.is_empty() {
                return Ok(false);
            }
            match self.decoder.init(&mut self.bytes) {
                Ok(()) => {
                    self.inside = true;
                    return Ok(true);
                }
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let length = u64::from(length);
                    if io::copy(&mut (&mut self.bytes).take(length), &mut io::sink())? < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(error) => return Err(damaged(&error)),
            }
        }
    }
}

fn damaged(error: &FrameDecoderError) -> io::Error {
    io::Error::other(ImageError::Archive { why: format!("it is no zstd: {error}") })
}
