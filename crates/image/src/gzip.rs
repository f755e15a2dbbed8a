//! gzip (RFC 1952) by one compressor, whatever else is in the program: which one the usual wrapper takes depends on
//! what other crates ask of it, and the bytes of layers must depend on nothing but their content.

use crc32fast::Hasher;
use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{DataFormat, MZFlush, MZStatus};
use std::io::{self, Write};

/// The compressor sees blocks of this many bytes, however they are written.
const BLOCK_BYTES: usize = 64 * 1024;
/// The system is not known, there is no time and no name (RFC 1952, section 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// Compresses what is written to it.
pub(crate) struct Gzip<W> {
    out: W,
    compressor: Box<CompressorOxide>,
    block: Vec<u8>,
    compressed: Vec<u8>,
    sum: Hasher,
    /// Modulo 2^32.
    length: u32,
}

impl<W: Write> Gzip<W> {
    /// At a level from 1 to 9.
    pub(crate) fn new(mut out: W, level: u8) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        let mut compressor = Box::<CompressorOxide>::default();
        compressor.set_format_and_level(DataFormat::Raw, level);
        let (block, compressed) = (Vec::with_capacity(BLOCK_BYTES), vec![0; BLOCK_BYTES]);
        Ok(Self { out, compressor, block, compressed, sum: Hasher::new(), length: 0 })
    }

    /// Writes the rest, and gives back where it went.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.compress(MZFlush::Finish)?;
        self.out.write_all(&self.sum.finalize().to_le_bytes())?;
        self.out.write_all(&self.length.to_le_bytes())?;
        Ok(self.out)
    }

    fn compress(&mut self, flush: MZFlush) -> io::Result<()> {
        let mut rest = &self.block[..];
        loop {
            let done = deflate(&mut self.compressor, rest, &mut self.compressed, flush);
            self.out.write_all(&self.compressed[..done.bytes_written])?;
            rest = &rest[done.bytes_consumed..];
            match done.status {
                Ok(MZStatus::StreamEnd) => break,
                Ok(_) if rest.is_empty() && flush == MZFlush::None => break,
                Ok(_) => {}
                Err(error) => return Err(io::Error::other(format!("the compressor failed: {error:?}"))),
            }
        }
        self.block.clear();
        Ok(())
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = &bytes[..bytes.len().min(BLOCK_BYTES - self.block.len())];
        self.sum.update(taken);
        self.length = self.length.wrapping_add(u32::try_from(taken.len()).unwrap_or(0));
        self.block.extend_from_slice(taken);
        if self.block.len() == BLOCK_BYTES {
            self.compress(MZFlush::None)?;
        }
        Ok(taken.len())
    }

    /// Blocks are whole: nothing is written before its time.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn compressed(pieces: &[&[u8]]) -> Vec<u8> {
        let mut gzip = Gzip::new(Vec::new(), 6).unwrap();
        pieces.iter().for_each(|piece| gzip.write_all(piece).unwrap());
        gzip.finish().unwrap()
    }

    #[test]
    fn any_reader_reads_it_and_pieces_do_not_matter() {
        let bytes: Vec<u8> = (0..400_000_u32).flat_map(|n| (n.wrapping_mul(n) % 251).to_le_bytes()).collect();
        for length in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, bytes.len()] {
            let whole = compressed(&[&bytes[..length]]);
            let pieces: Vec<&[u8]> = bytes[..length].chunks(777).collect();
            assert_eq!(compressed(&pieces), whole);
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&whole[..]).read_to_end(&mut read).unwrap();
            assert_eq!(read, &bytes[..length]);
        }
    }
}
