//! One line of a log.

use super::Tag;
use seaworthy_host::clock;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::time::SystemTime;

/// Where a program wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stream {
    /// Its standard output.
    Stdout,
    /// Its standard error.
    Stderr,
}

impl Stream {
    /// As it stands in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// A line, or a part of one, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When it was read from the program.
    pub time: SystemTime,
    /// Where the program wrote it.
    pub stream: Stream,
    /// The same line goes on in the stream's next entry.
    pub partial: bool,
    /// The text; what a terminal would obey and what is no UTF-8 is escaped.
    pub text: String,
}

impl Entry {
    /// Appends an entry as it stands in the file, with its line feed.
    pub fn write(output: &mut Vec<u8>, time: &str, stream: Stream, tag: Tag, text: &[u8]) {
        output.extend_from_slice(time.as_bytes());
        output.push(b' ');
        output.extend_from_slice(stream.as_str().as_bytes());
        output.extend_from_slice(if tag == Tag::Full { b" F " } else { b" P " });
        output.extend_from_slice(text);
        output.push(b'\n');
    }

    /// Reads an entry from a line of the file; `None` when it is none (the machine died while it was written).
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.splitn(4, |byte| *byte == b' ');
        let time = clock::parse(std::str::from_utf8(fields.next()?).ok()?)?;
        let stream = match fields.next()? {
            b"stdout" => Stream::Stdout,
            b"stderr" => Stream::Stderr,
            _ => return None,
        };
        let partial = match fields.next()? {
            b"F" => false,
            b"P" => true,
            _ => return None,
        };
        Some(Self { time, stream, partial, text: shown(fields.next()?) })
    }
}

/// Bytes as text that a terminal takes for nothing but text: control characters but the tab, characters that turn the
/// direction of writing, and bytes that are no UTF-8 are escaped; a carriage return at the end is left out.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        chunk.valid().chars().for_each(|character| show(character, &mut text));
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}");
        }
    }
    text
}

fn show(character: char, text: &mut String) {
    let number = u32::from(character);
    let _ = match character {
        '\0'..='\x08' | '\n'..='\x1f' | '\x7f' => write!(text, "\\x{number:02x}"),
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            write!(text, "\\u{{{number:x}}}")
        }
        _ => text.write_char(character),
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_terminal_is_not_led_astray() {
        assert_eq!(shown(b"\x1b[2Jhi\t\xff\x00 caf\xc3\xa9\r"), "\\x1b[2Jhi\t\\xff\\x00 café");
        assert_eq!(shown("a\u{202e}b\u{9b}".as_bytes()), "a\\u{202e}b\\u{9b}");
    }

    #[test]
    fn half_a_line_is_no_entry() {
        assert_eq!(Entry::parse(b"2025-01-01T00:00:00.000000Z stdout"), None);
        assert_eq!(Entry::parse(b"\0\0\0\0"), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let text: Vec<u8> = bytes.into_iter().filter(|byte| *byte != b'\n').collect();
            let mut file = Vec::new();
            Entry::write(&mut file, "2025-01-01T00:00:00.000001Z", Stream::Stderr, Tag::Partial, &text);
            prop_assert_eq!(file.pop(), Some(b'\n'));
            let entry = Entry::parse(&file).unwrap();
            prop_assert_eq!((entry.stream, entry.partial, entry.text), (Stream::Stderr, true, shown(&text)));
        }
    }
}
