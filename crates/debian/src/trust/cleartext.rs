//! The frame of a text with its signatures in one file (RFC 9580, section 7): `InRelease`.

/// Why a file is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CleartextError {
    /// It does not begin as one.
    #[error("it does not begin with `{BEGIN}`")]
    Begin,
    /// A line before the text is no `Hash:` header.
    #[error("there is something else than `Hash:` before its text")]
    Header,
    /// A line of the text begins with a dash that is not escaped.
    #[error("its text has a line that begins with `-`")]
    Dash,
    /// There is no signature, or one without end.
    #[error("its signature is not whole")]
    Signature,
    /// There is something after the signature.
    #[error("there is something after its signature")]
    Rest,
}

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";
const END: &str = "-----END PGP SIGNATURE-----";

/// A text and the armor of its signatures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cleartext<'a> {
    /// The text: its escapes and the white space at the ends of its lines are gone, each line but the last ends in
    /// `\n`. This, with `\r\n` for `\n`, is what is signed, so nothing else may be read from the file.
    pub text: String,
    /// From `-----BEGIN PGP SIGNATURE-----` to its end.
    pub armor: &'a str,
}

/// Takes a file apart; whatever is before or after the two parts is an error.
///
/// # Errors
/// [`CleartextError`].
pub fn parse(file: &str) -> Result<Cleartext<'_>, CleartextError> {
    let mut lines = file.split_inclusive('\n');
    if lines.next().map(str::trim_end) != Some(BEGIN) {
        return Err(CleartextError::Begin);
    }
    loop {
        match lines.next().map(str::trim_end) {
            Some("") => break,
            Some(line) if line.starts_with("Hash: ") => {}
            _ => return Err(CleartextError::Header),
        }
    }
    let mut text: Vec<&str> = Vec::new();
    let mut position = lines_length(file, &lines);
    for line in lines {
        let content = line.trim_end_matches(['\n', '\r', ' ', '\t']);
        if content == SIGNATURE {
            return Ok(Cleartext { text: text.join("\n"), armor: armor(&file[position..])? });
        }
        match content.strip_prefix("- ") {
            Some(escaped) => text.push(escaped),
            None if content == "-" => text.push(""), // an escaped line of white space
            None if content.starts_with('-') => return Err(CleartextError::Dash),
            None => text.push(content),
        }
        position += line.len();
    }
    Err(CleartextError::Signature)
}

/// How many bytes of the file were read when these lines are left.
fn lines_length(file: &str, left: &std::str::SplitInclusive<'_, char>) -> usize {
    file.len() - left.clone().map(str::len).sum::<usize>()
}

fn armor(rest: &str) -> Result<&str, CleartextError> {
    let mut length = 0;
    for line in rest.split_inclusive('\n') {
        length += line.len();
        if line.trim_end() == END {
            let after = rest.get(length..).unwrap_or_default();
            return if after.trim().is_empty() { Ok(&rest[..length]) } else { Err(CleartextError::Rest) };
        }
    }
    Err(CleartextError::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn file(text: &str) -> String {
        format!("{BEGIN}\nHash: SHA256\n\n{text}\n{SIGNATURE}\n\nabcd\n{END}\n")
    }

    #[test]
    fn takes_the_text_without_escapes_and_nothing_else() {
        let file = file("Suite: x  \t\r\n- - dash\n-\n last");
        let parsed = parse(&file).unwrap();
        assert_eq!(parsed.text, "Suite: x\n- dash\n\n last");
        assert!(parsed.armor.starts_with(SIGNATURE) && parsed.armor.trim_end().ends_with(END));
    }

    #[test]
    fn whatever_stands_outside_is_refused() {
        let good = file("a: b");
        let errors = [
            format!("a: c\n{good}"),
            good.replace("Hash:", "Suite:"),
            good.replace("a: b", "-a: b"),
            good.replace(END, ""),
            good.replace(SIGNATURE, "x"),
            format!("{good}a: c\n"),
            good.repeat(2),
        ]
        .map(|file| parse(&file).unwrap_err());
        use CleartextError::{Begin, Dash, Header, Rest, Signature};
        // Without its first line, the signature's last one is an unescaped line of the text.
        assert_eq!(errors, [Begin, Header, Dash, Signature, Dash, Rest, Rest]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(lines in prop::collection::vec(
            prop_oneof![Just(SIGNATURE.to_owned()), Just(END.to_owned()), Just(String::new()), "[ -a\r]{0,5}"], 0..10)
        ) {
            let _ = parse(&format!("{BEGIN}\n\n{}", lines.join("\n")));
        }
    }
}
