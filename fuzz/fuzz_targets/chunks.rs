//! Chunked bodies: what the encoder writes the decoder reads, and what the decoder accepts holds no second message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_gateway::http1::{BodyDecoder, BodyError, BodyEvent, Framing, write_chunk, write_last_chunk};
use seaworthy_gateway::limits::Limits;

/// The content, and how many bytes the body took; `None` while it is not complete.
fn read(bytes: &[u8], size: usize) -> Result<Option<(Vec<u8>, usize)>, BodyError> {
    let mut decoder = BodyDecoder::new(Framing::Chunked, &Limits::DEFAULT);
    let (mut content, mut start) = (Vec::new(), 0);
    for end in (size..bytes.len()).step_by(size).chain([bytes.len()]) {
        loop {
            let (length, event) = decoder.decode(&bytes[start..end])?;
            start += length;
            match event {
                BodyEvent::Data(data) => content.extend_from_slice(data),
                BodyEvent::End { .. } => return Ok(Some((content, start))),
                BodyEvent::Starved => break,
            }
        }
    }
    Ok(None)
}

fuzz_target!(|input: (u8, Vec<Vec<u8>>, &[u8])| {
    let (size, pieces, bytes) = (usize::from(input.0).max(1), input.1, input.2);
    assert_eq!(read(bytes, size), read(bytes, usize::MAX));
    let mut encoded = Vec::new();
    pieces.iter().for_each(|piece| write_chunk(&mut encoded, piece));
    write_last_chunk(&mut encoded);
    encoded.extend_from_slice(b"\r\n");
    let length = encoded.len();
    encoded.extend_from_slice(bytes);
    assert_eq!(read(&encoded, size), Ok(Some((pieces.concat(), length))));
});
