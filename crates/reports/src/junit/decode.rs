//! From bytes to text: UTF-8 mostly, UTF-16 from .NET, Latin-1 from old Java.

/// The text of a report; what cannot be decoded becomes U+FFFD.
pub(super) fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ if is_latin(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|character| character.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

/// Whether the declaration names a one-byte encoding, and the bytes are not UTF-8 all the same.
fn is_latin(bytes: &[u8]) -> bool {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).to_ascii_lowercase();
    let declaration = head.split("?>").next().unwrap_or_default();
    let named = ["iso-8859-1", "iso-8859-15", "latin1", "windows-1252", "us-ascii"]
        .iter()
        .any(|name| declaration.contains(name));
    declaration.trim_start().starts_with("<?xml") && named && std::str::from_utf8(bytes).is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_encodings() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><a b=\"é😀\"/>";
        let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
        let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.encode_utf16().flat_map(u16::to_be_bytes)).collect();
        assert_eq!((decode(&little).as_str(), decode(&big).as_str()), (text, text));
        assert_eq!(decode(b"<?xml version='1.0' encoding='ISO-8859-1'?><a b='\xe9'/>").matches('é').count(), 1);
        assert_eq!(decode(b"\xef\xbb\xbf<a/>"), "<a/>");
        assert_eq!(decode(b"<a>\xff</a>"), "<a>\u{fffd}</a>");
    }
}
