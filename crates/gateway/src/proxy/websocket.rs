//! Where the frames of a WebSocket connection begin and end (RFC 6455 section 5.2), so that it can be closed between
//! two.

/// `Close` with 1001, "going away", to a client.
pub(super) const CLOSE_TO_CLIENT: &[u8] = &[0x88, 0x02, 0x03, 0xe9];
/// The same to an instance: clients mask, here with zeros.
pub(super) const CLOSE_TO_INSTANCE: &[u8] = &[0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe9];

const OPCODE_CLOSE: u8 = 8;
/// Two bytes, eight of extended length, four of mask.
const HEADER_BYTES_MAX: usize = 14;

/// Follows the frames of one direction.
#[derive(Debug, Clone, Default)]
pub(super) struct Frames {
    header: [u8; HEADER_BYTES_MAX],
    header_length: usize,
    payload: u64,
    closing: bool,
    closed: bool,
}

impl Frames {
    /// Whether the bytes so far end with a frame.
    pub(super) fn is_between(&self) -> bool {
        self.header_length == 0 && self.payload == 0
    }

    /// Whether a `Close` frame has passed.
    pub(super) fn has_closed(&self) -> bool {
        self.closed
    }

    /// Takes bytes that passed into account.
    pub(super) fn advance(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.step(bytes)..];
        }
    }

    /// How many of `bytes` belong to the frame that has begun.
    pub(super) fn rest_of_frame(&self, bytes: &[u8]) -> usize {
        let (mut ahead, mut length) = (self.clone(), 0);
        while length < bytes.len() && !ahead.is_between() {
            length += ahead.step(&bytes[length..]);
        }
        length
    }

    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.payload > 0 {
            let length = usize::try_from(self.payload).unwrap_or(usize::MAX).min(bytes.len());
            self.payload -= length as u64;
            self.end_frame();
            return length;
        }
        self.header[self.header_length] = bytes[0];
        self.header_length += 1;
        if let Some(payload) = self.payload_length() {
            self.closing = self.header[0] & 0x0f == OPCODE_CLOSE;
            self.payload = payload;
            self.header_length = 0;
            self.end_frame();
        }
        1
    }

    fn end_frame(&mut self) {
        if self.payload == 0 {
            self.closed |= self.closing;
            self.closing = false;
        }
    }

    /// The length of the payload, once the header is complete.
    fn payload_length(&self) -> Option<u64> {
        let header = &self.header[..self.header_length];
        let second = *header.get(1)?;
        let (extended, short) = match second & 0x7f {
            126 => (2, 0),
            127 => (8, 0),
            short => (0, u64::from(short)),
        };
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        if header.len() < 2 + extended + mask {
            return None;
        }
        let bytes = &header[2..2 + extended];
        Some(if extended == 0 { short } else { bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn frame(opcode: u8, masked: bool, length: usize) -> Vec<u8> {
        let mask = if masked { 0x80 } else { 0 };
        let mut bytes = vec![0x80 | opcode];
        match length {
            0..126 => bytes.push(mask | u8::try_from(length).unwrap()),
            126..65536 => {
                bytes.push(mask | 126);
                bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
            }
            _ => {
                bytes.push(mask | 127);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.extend(std::iter::repeat_n(0x88, length + if masked { 4 } else { 0 }));
        bytes
    }

    fn length() -> impl Strategy<Value = usize> {
        prop_oneof![0_usize..300, 65_000_usize..66_000]
    }

    proptest! {
        #[test]
        fn finds_the_ends_however_the_bytes_come(
            frames in prop::collection::vec((1_u8..3, any::<bool>(), length()), 1..5),
            cut in 1_usize..5000,
        ) {
            let mut follower = Frames::default();
            let mut ends = 0;
            for (opcode, masked, length) in frames {
                let bytes = frame(opcode, masked, length);
                for (number, piece) in bytes.chunks(cut).enumerate() {
                    if number > 0 {
                        let more = [&bytes[number * cut..], b"\x81\x00"].concat();
                        prop_assert_eq!(follower.rest_of_frame(&more), bytes.len() - number * cut);
                    }
                    follower.advance(piece);
                }
                ends += 1;
                prop_assert!(follower.is_between() && !follower.has_closed(), "frame {}", ends);
            }
            follower.advance(CLOSE_TO_INSTANCE);
            prop_assert!(follower.is_between() && follower.has_closed());
        }
    }
}
