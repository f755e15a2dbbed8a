//! W3C Trace Context (Level 1): `traceparent`.

use rand::RngCore;

/// The place of one request in a trace, as it is told to whoever answers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trace {
    /// `00-TRACE-PARENT-FLAGS`.
    text: [u8; LENGTH],
    /// Whether the client's trace goes on, so that its `tracestate` still means something.
    pub continued: bool,
}

const LENGTH: usize = 55;

impl Trace {
    /// Goes on with a valid `traceparent` under a new parent id (the gateway's own), or begins a new trace, sampled.
    #[must_use]
    pub fn continue_from(traceparent: Option<&[u8]>) -> Self {
        let mut random = [0_u8; 24];
        rand::rng().fill_bytes(&mut random);
        // All zeros means "none" in both ids.
        random[0] |= 1;
        random[16] |= 1;
        let mut text = *b"00-00000000000000000000000000000000-0000000000000000-01";
        write_hex(&mut text[3..35], &random[..16]);
        write_hex(&mut text[36..52], &random[16..]);
        let given = traceparent.filter(|value| is_valid(value));
        if let Some(given) = given {
            text[3..35].copy_from_slice(&given[3..35]);
            text[53..55].copy_from_slice(&given[53..55]);
        }
        Self { text, continued: given.is_some() }
    }

    /// The field's value.
    #[must_use]
    pub fn traceparent(&self) -> &[u8] {
        &self.text
    }

    /// The trace's id: 32 hexadecimal digits.
    #[must_use]
    pub fn id(&self) -> &str {
        std::str::from_utf8(&self.text[3..35]).unwrap_or_default()
    }
}

/// Section 3.2: version 00 in full; of a later version its beginning.
fn is_valid(value: &[u8]) -> bool {
    let hex = |part: &[u8]| part.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let not_zero = |part: &[u8]| hex(part) && part.iter().any(|byte| *byte != b'0');
    let length_is_valid =
        value.len() == LENGTH || (value.len() > LENGTH && value[LENGTH] == b'-' && !value.starts_with(b"00"));
    length_is_valid
        && value[2] == b'-'
        && value[35] == b'-'
        && value[52] == b'-'
        && hex(&value[..2])
        && &value[..2] != b"ff"
        && not_zero(&value[3..35])
        && not_zero(&value[36..52])
        && hex(&value[53..55])
}

fn write_hex(out: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in out.chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 15)];
    }
}

#[cfg(test)]
mod tests {
    use super::Trace;

    const GIVEN: &[u8] = b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

    #[test]
    fn goes_on_with_a_valid_trace() {
        let trace = Trace::continue_from(Some(GIVEN));
        assert_eq!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert!(trace.continued && trace.traceparent().ends_with(b"-00"));
        assert_ne!(trace.traceparent(), GIVEN);
        let later = b"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-what-comes";
        assert!(Trace::continue_from(Some(later)).continued);
    }

    #[test]
    fn begins_another_where_there_is_none_or_none_that_is_valid() {
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-01";
        let upper = "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01";
        let long = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x";
        let version = "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        for value in [None, Some(""), Some(zero), Some(upper), Some(long), Some(version)] {
            let trace = Trace::continue_from(value.map(str::as_bytes));
            assert!(!trace.continued && trace.traceparent().ends_with(b"-01"), "{value:?}");
            assert_ne!(trace.id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        }
    }
}
