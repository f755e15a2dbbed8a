//! Bytes into lines.

/// The longest text of one entry; a longer line becomes several.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;

/// Whether a line ends with this entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tag {
    /// It does.
    Full,
    /// The next entry of the stream goes on with it.
    Partial,
}

/// Cuts a stream of bytes into lines of at most [`TEXT_BYTES_MAX`] bytes, however the bytes arrive.
#[derive(Debug, Default)]
pub struct LineSplitter {
    /// The beginning of a line whose end has not arrived; never longer than [`TEXT_BYTES_MAX`].
    rest: Vec<u8>,
}

impl LineSplitter {
    /// Takes bytes and hands over every entry that they complete, without line feeds.
    pub fn push(&mut self, bytes: &[u8], emit: &mut impl FnMut(Tag, &[u8])) {
        let mut bytes = bytes;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            self.extend(&bytes[..end], emit);
            emit(Tag::Full, &self.rest);
            self.rest.clear();
            bytes = &bytes[end + 1..];
        }
        self.extend(bytes, emit);
    }

    /// Hands over what is left when the stream has ended.
    pub fn finish(&mut self, emit: &mut impl FnMut(Tag, &[u8])) {
        if !self.rest.is_empty() {
            emit(Tag::Full, &self.rest);
            self.rest = Vec::new();
        }
    }

    /// An entry is cut only when a byte more than fits is there: a line of exactly the limit stays whole.
    fn extend(&mut self, bytes: &[u8], emit: &mut impl FnMut(Tag, &[u8])) {
        let mut bytes = bytes;
        while self.rest.len() + bytes.len() > TEXT_BYTES_MAX {
            let (fits, later) = bytes.split_at(TEXT_BYTES_MAX - self.rest.len());
            self.rest.extend_from_slice(fits);
            let cut = character_boundary(&self.rest);
            emit(Tag::Partial, &self.rest[..cut]);
            self.rest.drain(..cut);
            bytes = later;
        }
        self.rest.extend_from_slice(bytes);
    }
}

/// Where to cut so that no UTF-8 character is torn: at the end, or up to three bytes before it.
fn character_boundary(bytes: &[u8]) -> usize {
    let end = bytes.len();
    for back in 1..=3.min(end) {
        let byte = bytes[end - back];
        let length = match byte {
            0xC0..=0xDF => 2,
            0xE0..=0xEF => 3,
            0xF0..=0xF7 => 4,
            0x80..=0xBF => continue,
            _ => return end,
        };
        return if length > back { end - back } else { end };
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entries(chunks: &[&[u8]]) -> Vec<(Tag, Vec<u8>)> {
        let mut splitter = LineSplitter::default();
        let mut found = Vec::new();
        for chunk in chunks {
            splitter.push(chunk, &mut |tag, text| found.push((tag, text.to_vec())));
        }
        splitter.finish(&mut |tag, text| found.push((tag, text.to_vec())));
        found
    }

    fn joined(entries: &[(Tag, Vec<u8>)]) -> Vec<u8> {
        let end = |tag: &Tag| if *tag == Tag::Full { &b"\n"[..] } else { b"" };
        entries.iter().flat_map(|(tag, text)| [text.as_slice(), end(tag)].concat()).collect()
    }

    #[test]
    fn a_line_of_exactly_the_limit_stays_whole_and_one_more_is_cut() {
        let exact = vec![b'x'; TEXT_BYTES_MAX];
        assert_eq!(entries(&[&exact, b"\n"]), [(Tag::Full, exact.clone())]);
        assert_eq!(entries(&[&exact, b"y\n"]), [(Tag::Partial, exact), (Tag::Full, b"y".to_vec())]);
    }

    #[test]
    fn a_character_is_never_torn() {
        let line = "é".repeat(TEXT_BYTES_MAX);
        for start in ["", "x", "xy"] {
            for (_, text) in entries(&[start.as_bytes(), line.as_bytes()]) {
                assert!(std::str::from_utf8(&text).is_ok());
            }
        }
    }

    proptest! {
        #[test]
        fn any_split_of_the_bytes_gives_the_same_entries_and_nothing_is_lost(
            lines in prop::collection::vec((any::<u8>(), 0..40_000_usize), 0..4),
            cuts in prop::collection::vec(0..100_000_usize, 0..6),
            end in any::<bool>(),
        ) {
            let line = |(byte, length): &(u8, usize)| vec![if *byte == b'\n' { b' ' } else { *byte }; *length];
            let mut bytes = lines.iter().map(line).collect::<Vec<_>>().join(&b'\n');
            if end && !bytes.is_empty() {
                bytes.push(b'\n');
            }
            let whole = entries(&[&bytes]);
            prop_assert!(whole.iter().all(|(_, text)| text.len() <= TEXT_BYTES_MAX));
            let mut expected = bytes.clone();
            if !bytes.is_empty() && bytes.last() != Some(&b'\n') {
                expected.push(b'\n');
            }
            prop_assert_eq!(joined(&whole), expected);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
            prop_assert_eq!(entries(&chunks), whole);
        }
    }
}
