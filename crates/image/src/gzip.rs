//! gzip (RFC 1952) by one compressor, whatever else is in the program: which one the usual wrapper takes depends on
//! what other crates ask of it, and the bytes of layers must depend on nothing but their content.
//!
//! Blocks are compressed each on its own, as many at once as there are cores: the bytes are the same however many that
//! are. They cost about a hundredth more than one stream would.

use crc32fast::Hasher;
use miniz_oxide::deflate::core::CompressorOxide;
use miniz_oxide::deflate::stream::deflate;
use miniz_oxide::{DataFormat, MZFlush, MZStatus};
use std::io::{self, Write};
use std::thread;

/// The compressor sees blocks of this many bytes, however they are written.
const BLOCK_BYTES: usize = 1024 * 1024;
/// At most so many blocks wait for each other in memory.
const BLOCKS_MAX: usize = 16;
/// The system is not known, there is no time and no name (RFC 1952, section 2.3).
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
/// An empty last block (RFC 1951, section 3.2.6): which of the others is the last is not known when it is compressed.
const END: [u8; 2] = [3, 0];

/// Compresses what is written to it.
pub(crate) struct Gzip<W> {
    out: W,
    level: u8,
    /// How many blocks are compressed at once.
    at_once: usize,
    /// Full but for the last.
    blocks: Vec<Vec<u8>>,
    sum: Hasher,
    /// Modulo 2^32.
    length: u32,
}

impl<W: Write> Gzip<W> {
    /// At a level from 1 to 9.
    pub(crate) fn new(out: W, level: u8) -> io::Result<Self> {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self::with_cores(out, level, cores)
    }

    fn with_cores(mut out: W, level: u8, cores: usize) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        let at_once = cores.clamp(1, BLOCKS_MAX);
        Ok(Self { out, level, at_once, blocks: Vec::new(), sum: Hasher::new(), length: 0 })
    }

    /// Writes the rest, and gives back where it went.
    pub(crate) fn finish(mut self) -> io::Result<W> {
        self.compress()?;
        self.out.write_all(&END)?;
        self.out.write_all(&self.sum.finalize().to_le_bytes())?;
        self.out.write_all(&self.length.to_le_bytes())?;
        Ok(self.out)
    }

    fn compress(&mut self) -> io::Result<()> {
        let level = self.level;
        let compressed: Vec<io::Result<Vec<u8>>> = thread::scope(|scope| {
            let threads: Vec<_> = self.blocks.iter().map(|block| scope.spawn(move || compress(block, level))).collect();
            let died = |_| Err(io::Error::other("the compressor died"));
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(died)).collect()
        });
        for block in compressed {
            self.out.write_all(&block?)?;
        }
        self.blocks.clear();
        Ok(())
    }
}

/// A block that is not the last, and that ends with a byte.
fn compress(block: &[u8], level: u8) -> io::Result<Vec<u8>> {
    let mut compressor = Box::<CompressorOxide>::default();
    compressor.set_format_and_level(DataFormat::Raw, level);
    let mut compressed = vec![0; block.len() + block.len() / 8 + 1024];
    let (mut read, mut written) = (0, 0);
    loop {
        let done = deflate(&mut compressor, &block[read..], &mut compressed[written..], MZFlush::Sync);
        (read, written) = (read + done.bytes_consumed, written + done.bytes_written);
        match done.status {
            // Room that is left means that nothing more comes.
            Ok(MZStatus::Ok) if read == block.len() && written < compressed.len() => break,
            Ok(MZStatus::Ok) => compressed.resize(compressed.len() * 2, 0),
            other => return Err(io::Error::other(format!("the compressor failed: {other:?}"))),
        }
    }
    compressed.truncate(written);
    Ok(compressed)
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.blocks.last().is_none_or(|block| block.len() == BLOCK_BYTES) {
            if self.blocks.len() == self.at_once {
                self.compress()?;
            }
            self.blocks.push(Vec::with_capacity(BLOCK_BYTES));
        }
        let Some(block) = self.blocks.last_mut() else { return Ok(0) };
        let taken = &bytes[..bytes.len().min(BLOCK_BYTES - block.len())];
        self.sum.update(taken);
        self.length = self.length.wrapping_add(u32::try_from(taken.len()).unwrap_or(0));
        block.extend_from_slice(taken);
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

    fn compressed(pieces: &[&[u8]], cores: usize) -> Vec<u8> {
        let mut gzip = Gzip::with_cores(Vec::new(), 4, cores).unwrap();
        pieces.iter().for_each(|piece| gzip.write_all(piece).unwrap());
        gzip.finish().unwrap()
    }

    #[test]
    fn any_reader_reads_it_and_neither_pieces_nor_cores_matter() {
        let bytes: Vec<u8> = (0..900_000_u32).flat_map(|n| (n.wrapping_mul(n) % 251).to_le_bytes()).collect();
        for length in [0, 1, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 2 * BLOCK_BYTES, bytes.len()] {
            let whole = compressed(&[&bytes[..length]], 1);
            let pieces: Vec<&[u8]> = bytes[..length].chunks(777).collect();
            assert_eq!(compressed(&pieces, 1), whole);
            assert_eq!(compressed(&pieces, 3), whole);
            let mut read = Vec::new();
            flate2::read::GzDecoder::new(&whole[..]).read_to_end(&mut read).unwrap();
            assert_eq!(read, &bytes[..length]);
        }
    }

    #[test]
    fn what_cannot_be_compressed_grows_by_little() {
        let mut state = 1_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        let bytes: Vec<u8> = (0..BLOCK_BYTES + 5).map(|_| random()).collect();
        let whole = compressed(&[&bytes], 2);
        assert!(whole.len() < bytes.len() + bytes.len() / 100, "{} of {}", whole.len(), bytes.len());
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&whole[..]).read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes);
    }
}
