//! Compressed streams, by decoders without C.

use crate::limits;
use std::io::{self, BufRead, Read};

/// How a file is compressed, by the end of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Xz,
    Zstandard,
}

impl Compression {
    /// By `.gz`, `.xz`, `.zst` or nothing; `None` for another end.
    pub(crate) fn of_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "" => Some(Self::None),
            ".gz" => Some(Self::Gzip),
            ".xz" => Some(Self::Xz),
            ".zst" => Some(Self::Zstandard),
            _ => None,
        }
    }
}

/// The uncompressed bytes; more than `most` of them are an error.
pub(crate) fn reader<'a>(
    compression: Compression,
    bytes: impl BufRead + 'a,
    most: u64,
) -> io::Result<Box<dyn Read + 'a>> {
    let inner: Box<dyn Read + 'a> = match compression {
        Compression::None => Box::new(bytes),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(bytes)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(bytes, true, limits::DICTIONARY_KIB_MAX)),
        Compression::Zstandard => Box::new(Frames { bytes: Some(bytes), frame: None }),
    };
    Ok(Box::new(Limited { inner, left: most }))
}

/// An end that comes too late.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        match self.left.checked_sub(length as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than is allowed")),
        }
        Ok(length)
    }
}

/// Zstandard frames one after the other (RFC 8878, section 3): the decoder ends with the first.
struct Frames<R: BufRead> {
    bytes: Option<R>,
    frame: Option<ruzstd::decoding::StreamingDecoder<R, ruzstd::decoding::FrameDecoder>>,
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let length = frame.read(buffer)?;
                if length > 0 || buffer.is_empty() {
                    return Ok(length);
                }
                self.bytes = self.frame.take().map(ruzstd::decoding::StreamingDecoder::into_inner);
            }
            let Some(mut bytes) = self.bytes.take() else { return Ok(0) };
            if bytes.fill_buf()?.is_empty() {
                return Ok(0);
            }
            let frame = ruzstd::decoding::StreamingDecoder::new(bytes);
            self.frame = Some(frame.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn all(compression: Compression, bytes: &[u8], most: u64) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        reader(compression, bytes, most)?.read_to_end(&mut text)?;
        Ok(text)
    }

    #[test]
    fn reads_all_streams_and_stops_at_the_limit() {
        let text = b"seaworthy ".repeat(1000);
        let half = text.len() / 2;
        let gzip = |part: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap()
        };
        let xz = |part: &[u8]| {
            let options = lzma_rust2::XzOptions::with_preset(1);
            let mut encoder = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap()
        };
        let zstandard =
            |part: &[u8]| ruzstd::encoding::compress_to_vec(part, ruzstd::encoding::CompressionLevel::Fastest);
        for (compression, bytes) in [
            (Compression::None, text.clone()),
            (Compression::Gzip, [gzip(&text[..half]), gzip(&text[half..])].concat()),
            (Compression::Xz, [xz(&text[..half]), xz(&text[half..])].concat()),
            (Compression::Zstandard, [zstandard(&text[..half]), zstandard(&text[half..])].concat()),
        ] {
            assert_eq!(all(compression, &bytes, 1 << 20).unwrap(), text, "{compression:?}");
            assert!(all(compression, &bytes, text.len() as u64 - 1).is_err(), "{compression:?}");
            let short = all(compression, &bytes[..bytes.len() - 5], 1 << 20);
            assert!(short.is_err() || compression == Compression::None, "{compression:?}");
        }
    }
}
