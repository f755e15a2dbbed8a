//! Parts of blobs: `Range` of a download (RFC 9110, section 14) and `Content-Range` of an upload's piece (OCI
//! distribution specification 1.1, "Pushing a blob in chunks").

/// The part of a blob that is wanted: one range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte, counting from 0.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

/// The place of an upload's piece, first and last byte: `0-1023`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The first byte, counting from 0.
    pub first: u64,
    /// The last byte.
    pub last: u64,
}

/// A `Range` that names nothing in the blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsatisfiable;

impl ByteRange {
    /// What a `Range` header means for a blob of so many bytes; `None`: the whole, because the header is no range of
    /// bytes, or wants several.
    ///
    /// # Errors
    /// [`Unsatisfiable`] when it begins past the end.
    pub fn parse(header: &str, size_bytes: u64) -> Result<Option<Self>, Unsatisfiable> {
        let Some((first, last)) = header.trim().strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
            return Ok(None);
        };
        let (first, last) = (number(first), number(last));
        let end = size_bytes.checked_sub(1);
        match (first, last, end) {
            (Number::Wrong, ..) | (_, Number::Wrong, _) | (Number::Absent, Number::Absent, _) => Ok(None),
            (Number::Is(first), Number::Is(last), _) if last < first => Ok(None),
            (_, _, None) | (Number::Absent, Number::Is(0), _) => Err(Unsatisfiable),
            (Number::Is(first), _, Some(end)) if first > end => Err(Unsatisfiable),
            (Number::Is(first), Number::Absent, Some(end)) => Ok(Some(Self { first, last: end })),
            (Number::Is(first), Number::Is(last), Some(end)) => Ok(Some(Self { first, last: last.min(end) })),
            (Number::Absent, Number::Is(count), Some(end)) => {
                Ok(Some(Self { first: size_bytes.saturating_sub(count), last: end }))
            }
        }
    }

    /// How many bytes it has.
    #[must_use]
    pub fn length_bytes(self) -> u64 {
        self.last - self.first + 1
    }
}

impl Chunk {
    /// Reads a `Content-Range` of an upload: two numbers and a hyphen, with or without `bytes ` before, `/…` behind.
    #[must_use]
    pub fn parse(header: &str) -> Option<Self> {
        let text = header.trim();
        let text = text.strip_prefix("bytes ").or_else(|| text.strip_prefix("bytes=")).unwrap_or(text);
        let text = text.split_once('/').map_or(text, |(range, _)| range);
        match text.split_once('-').map(|(first, last)| (number(first), number(last))) {
            Some((Number::Is(first), Number::Is(last))) if first <= last => Some(Self { first, last }),
            _ => None,
        }
    }

    /// How many bytes it has; `None` when that is no number any more.
    #[must_use]
    pub fn length_bytes(self) -> Option<u64> {
        (self.last - self.first).checked_add(1)
    }
}

enum Number {
    Absent,
    Is(u64),
    Wrong,
}

/// Digits and nothing else: no sign, no space.
fn number(text: &str) -> Number {
    match text.parse() {
        _ if text.is_empty() => Number::Absent,
        Ok(number) if text.bytes().all(|byte| byte.is_ascii_digit()) => Number::Is(number),
        _ => Number::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(first: u64, last: u64) -> Result<Option<ByteRange>, Unsatisfiable> {
        Ok(Some(ByteRange { first, last }))
    }

    #[test]
    fn ranges_are_read_as_http_says() {
        assert_eq!(ByteRange::parse("bytes=0-4", 10), range(0, 4));
        assert_eq!(ByteRange::parse("bytes=5-", 10), range(5, 9));
        assert_eq!(ByteRange::parse("bytes=5-99", 10), range(5, 9));
        assert_eq!(ByteRange::parse("bytes=-3", 10), range(7, 9));
        assert_eq!(ByteRange::parse("bytes=-30", 10), range(0, 9));
        for whole in ["", "bytes", "bytes=", "bytes=-", "bytes=4-2", "lines=0-1", "bytes=0-1,3-4", "bytes=+1-2"] {
            assert_eq!(ByteRange::parse(whole, 10), Ok(None), "{whole}");
        }
        for beyond in ["bytes=10-", "bytes=10-20", "bytes=-0"] {
            assert_eq!(ByteRange::parse(beyond, 10), Err(Unsatisfiable), "{beyond}");
        }
        assert_eq!(ByteRange::parse("bytes=0-", 0), Err(Unsatisfiable));
    }

    #[test]
    fn pieces_of_uploads_are_two_numbers() {
        let chunk = Some(Chunk { first: 3, last: 7 });
        for good in ["3-7", "bytes 3-7/*", "bytes=3-7"] {
            assert_eq!(Chunk::parse(good), chunk, "{good}");
        }
        for bad in ["", "7-3", "3-", "-7", "a-b", "3-7-9", "99999999999999999999-0"] {
            assert_eq!(Chunk::parse(bad), None, "{bad}");
        }
        assert_eq!(Chunk { first: 0, last: u64::MAX }.length_bytes(), None);
    }

    proptest! {
        #[test]
        fn a_range_lies_within_the_blob(header in "bytes=[0-9]{0,22}-[0-9]{0,22}", size_bytes in any::<u64>()) {
            if let Ok(Some(range)) = ByteRange::parse(&header, size_bytes) {
                prop_assert!(range.first <= range.last && range.last < size_bytes);
                prop_assert!(range.length_bytes() <= size_bytes);
            }
            let _ = Chunk::parse(&header).map(Chunk::length_bytes);
        }
    }
}
