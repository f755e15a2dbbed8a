//! Requests of one connection: however the bytes are split, the reading is the same, and little waits in memory.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_gateway::http1::{BodyDecoder, BodyEvent, RequestDecoder, RequestHead};
use seaworthy_gateway::limits::Limits;

const LIMITS: Limits = Limits { head_bytes_max: 2048, trailer_bytes_max: 256, ..Limits::DEFAULT };

/// What came out: targets and contents, and the refusal if there was one.
type Reading = (Vec<(String, Vec<u8>)>, Option<String>);

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>, waiting_max: usize) -> Reading {
    let (mut waiting, mut requests) = (Vec::new(), Vec::<(String, Vec<u8>)>::new());
    let (mut decoder, mut head, mut body) = (RequestDecoder::default(), RequestHead::default(), None::<BodyDecoder>);
    for piece in pieces {
        waiting.extend_from_slice(piece);
        loop {
            let Some(reader) = &mut body else {
                match decoder.decode(&waiting, &LIMITS, &mut head) {
                    Err(error) => return (requests, Some(error.to_string())),
                    Ok(None) => break,
                    Ok(Some(length)) => {
                        waiting.drain(..length);
                        assert!(head.target().starts_with('/') || head.target() == "*");
                        requests.push((head.target().to_owned(), Vec::new()));
                        body = Some(BodyDecoder::new(head.framing, &LIMITS));
                    }
                }
                continue;
            };
            let (length, event) = match reader.decode(&waiting) {
                Ok(step) => step,
                Err(error) => return (requests, Some(error.to_string())),
            };
            let (mut starved, mut ended) = (false, false);
            match event {
                BodyEvent::Data(data) => requests.last_mut().expect("a head").1.extend_from_slice(data),
                BodyEvent::Starved => starved = true,
                BodyEvent::End { .. } => ended = true,
            }
            waiting.drain(..length);
            if ended {
                body = None;
            } else if starved {
                break;
            }
        }
        assert!(waiting.len() <= waiting_max, "{} bytes wait", waiting.len());
    }
    (requests, None)
}

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = (usize::from(input.0).max(1), input.1);
    let pieces = read(bytes.chunks(size), LIMITS.head_bytes_max + size);
    assert_eq!(pieces, read(std::iter::once(bytes), usize::MAX));
});
