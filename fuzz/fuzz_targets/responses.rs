//! Heads of responses: the same however they are split; what is accepted says in one way where its body ends.
#![no_main]

use libfuzzer_sys::fuzz_target;
use seaworthy_gateway::http1::{Framing, Known, Method, ResponseDecoder, ResponseHead};
use seaworthy_gateway::limits::Limits;

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (size, method) = (usize::from(input.0).max(1), if input.1 { Method::Head } else { Method::Get });
    let bytes = input.2;
    let (mut whole, mut split) = (ResponseHead::default(), ResponseHead::default());
    let at_once = ResponseDecoder::default().decode(bytes, &Limits::DEFAULT, method, &mut whole);
    let mut decoder = ResponseDecoder::default();
    let mut in_pieces = Ok(None);
    for end in (size..bytes.len()).step_by(size).chain([bytes.len()]) {
        in_pieces = decoder.decode(&bytes[..end], &Limits::DEFAULT, method, &mut split);
        if in_pieces != Ok(None) {
            break;
        }
    }
    assert_eq!(at_once, in_pieces);
    if let Ok(Some(length)) = at_once {
        assert!(bytes[..length].ends_with(b"\r\n\r\n"));
        assert!((100..600).contains(&whole.status));
        let (lengths, codings) = (
            whole.fields().values(Known::ContentLength).count(),
            whole.fields().values(Known::TransferEncoding).count(),
        );
        assert!(lengths + codings <= 1);
        assert!(method != Method::Head || whole.framing == Framing::None);
    }
});
