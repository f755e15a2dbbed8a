//! From a request's target to the page that it asks for.

/// The longest request target in bytes: a phrase of 8 KiB fits even when every byte of it is percent-encoded.
pub const TARGET_BYTES_MAX: usize = 32 * 1024;

/// The path of a target: everything before the first `?`.
pub fn path(target: &[u8]) -> &[u8] {
    target.split(|byte| *byte == b'?').next().unwrap_or_default()
}

/// The page for a target that begins with `/`. The phrase is the path after that first `/`.
pub fn page(target: &[u8]) -> String {
    let bytes = percent_decoded(&path(target)[1..]);
    // The lossy conversion writes one U+FFFD per maximal subpart, as the WHATWG decoder does.
    let phrase = escaped(&String::from_utf8_lossy(&bytes));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>Unstoppable Echo</title></head>\n\
         <body><p>{phrase} right back at ya!</p></body>\n</html>\n"
    )
}

/// Replaces `%` and two hexadecimal digits by their byte. Any other `%` stays, and so does `+`: this is a path,
/// not a form.
fn percent_decoded(mut input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    while let Some((&first, rest)) = input.split_first() {
        match (first, rest) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                output.push(hex_value(*high) << 4 | hex_value(*low));
                input = after;
            }
            _ => {
                output.push(first);
                input = rest;
            }
        }
    }
    output
}

fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}

/// Makes text harmless in HTML, between tags and in quoted attributes. HTML has no NUL, not even as a reference.
fn escaped(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => output.push_str("&amp;"),
            '<' => output.push_str("&lt;"),
            '>' => output.push_str("&gt;"),
            '"' => output.push_str("&quot;"),
            '\'' => output.push_str("&#39;"),
            '\0' => output.push('\u{FFFD}'),
            _ => output.push(character),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Target, and the text that the page says before ` right back at ya!`.
    const CASES: &[(&[u8], &str)] = &[
        (b"/hi!", "hi!"),
        (b"/", ""),
        (b"/hi!?phrase=no", "hi!"),
        (b"//a/../b#c", "/a/../b#c"),
        (b"/gr%C3%BCezi", "grüezi"),
        (b"/a+b%2Bc%20d", "a+b+c d"),
        (b"/%3Cscript%3E\"'&", "&lt;script&gt;&quot;&#39;&amp;"),
        (b"/%", "%"),
        (b"/%4", "%4"),
        (b"/%zz%%41", "%zz%A"),
        (b"/%2541", "%41"),
        (b"/a%00b", "a\u{FFFD}b"),
        (b"/%EF%BB%BFbom", "\u{FEFF}bom"),
        (b"/%E2%82!", "\u{FFFD}!"),
        (b"/%F0%9F%98", "\u{FFFD}"),
        (b"/%C0%80", "\u{FFFD}\u{FFFD}"),
        (b"/%ED%A0%80", "\u{FFFD}\u{FFFD}\u{FFFD}"),
        (b"/%F4%90%80%80", "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
    ];

    #[test]
    fn the_page_says_the_phrase() {
        for (target, said) in CASES {
            let body = format!("<body><p>{said} right back at ya!</p></body>");
            assert!(page(target).contains(&body), "{:?}: {}", String::from_utf8_lossy(target), page(target));
        }
    }

    #[test]
    fn the_page_is_one_whole_document() {
        let expected = "<!doctype html>\n<html lang=\"en\">\n\
            <head><meta charset=\"utf-8\"><title>Unstoppable Echo</title></head>\n\
            <body><p>hi! right back at ya!</p></body>\n</html>\n";
        assert_eq!(page(b"/hi!"), expected);
    }
}
