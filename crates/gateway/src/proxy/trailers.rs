//! Trailer sections, forwarded.

use crate::http1::Known;
use crate::limits::FIELDS_CAPACITY;

/// Writes the fields of a section that a decoder has let through, less those that end here, and the empty line.
pub(super) fn write(out: &mut Vec<u8>, section: &[u8]) {
    let mut room = [httparse::EMPTY_HEADER; FIELDS_CAPACITY];
    if let Ok(httparse::Status::Complete((_, fields))) = httparse::parse_headers(section, &mut room) {
        for field in fields {
            let known = Known::of(field.name.as_bytes());
            if !known.is_hop_by_hop() && known != Known::Seaworthy {
                for part in [field.name.as_bytes(), b": ", field.value, b"\r\n"] {
                    out.extend_from_slice(part);
                }
            }
        }
    }
    out.extend_from_slice(b"\r\n");
}
