//! Paragraphs of fields (deb822(5)): `Release`, `Packages`, `control` and `*.sources` files.

use crate::limits;

/// What is wrong with a text, and in which of its lines, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct Deb822Error {
    /// The line.
    pub line: usize,
    /// What is wrong there.
    pub what: &'static str,
}

/// One paragraph: its fields in their order, names as they are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph<'a> {
    fields: Vec<(&'a str, &'a str)>,
}

impl<'a> Paragraph<'a> {
    /// The value of a field, white space at its ends cut off; the case of names does not matter.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The lines of a field: the first one may be empty, comments are left out, each one is trimmed.
    pub fn lines(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        let value = self.get(name).unwrap_or_default();
        value.lines().filter(|line| !line.starts_with('#')).map(str::trim)
    }

    /// The words of a field.
    pub fn words(&self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.lines(name).flat_map(str::split_whitespace)
    }

    /// The fields in their order: name, value as it is written.
    #[must_use]
    pub fn fields(&self) -> &[(&'a str, &'a str)] {
        &self.fields
    }
}

/// The paragraphs of a text, one after the other; it stops at the first error.
#[derive(Debug, Clone)]
pub struct Paragraphs<'a> {
    text: &'a str,
    position: usize,
    line: usize,
    failed: bool,
}

/// Reads a text.
#[must_use]
pub fn paragraphs(text: &str) -> Paragraphs<'_> {
    Paragraphs { text, position: 0, line: 0, failed: false }
}

/// Reads a text that is one paragraph.
///
/// # Errors
/// [`Deb822Error`] when it has none, or more than one.
pub fn only_paragraph(text: &str) -> Result<Paragraph<'_>, Deb822Error> {
    let mut all = paragraphs(text);
    let first = all.next().unwrap_or(Err(Deb822Error { line: 1, what: "no field is here" }))?;
    match all.next() {
        None => Ok(first),
        Some(second) => {
            second?;
            Err(Deb822Error { line: all.line, what: "a second paragraph" })
        }
    }
}

impl<'a> Paragraphs<'a> {
    /// Where the reader stands: a paragraph lies between two of these.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }

    fn fail(&mut self, what: &'static str) -> Result<Paragraph<'a>, Deb822Error> {
        self.failed = true;
        Err(Deb822Error { line: self.line, what })
    }

    /// The next line without its end: where it starts and ends.
    fn next_line(&mut self) -> Option<(usize, usize)> {
        let start = self.position;
        let rest = self.text.get(start..).filter(|rest| !rest.is_empty())?;
        let length = rest.bytes().position(|byte| byte == b'\n');
        self.position = length.map_or(self.text.len(), |length| start + length + 1);
        self.line += 1;
        let line = &rest[..length.unwrap_or(rest.len())];
        Some((start, start + line.trim_end_matches('\r').len()))
    }
}

impl<'a> Iterator for Paragraphs<'a> {
    type Item = Result<Paragraph<'a>, Deb822Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let mut places: Vec<(&'a str, usize, usize)> = Vec::new();
        while let Some((start, end)) = self.next_line() {
            let line = &self.text[start..end];
            match line.as_bytes().first() {
                Some(b'#') => {}
                Some(b' ' | b'\t') if !line.trim().is_empty() => match places.last_mut() {
                    Some(field) => field.2 = end,
                    None => return Some(self.fail("a continuation without a field before it")),
                },
                Some(_) if !line.trim().is_empty() => {
                    let Some((name, _)) = line.split_once(':').filter(|(name, _)| is_name(name)) else {
                        return Some(self.fail("neither `Name: value` nor a continuation"));
                    };
                    if places.len() == limits::FIELDS_MAX {
                        return Some(self.fail("too many fields"));
                    }
                    places.push((name, start + name.len() + 1, end));
                }
                _ if places.is_empty() => {}
                _ => break,
            }
        }
        let fields = places.into_iter().map(|(name, start, end)| (name, &self.text[start..end])).collect::<Vec<_>>();
        (!fields.is_empty()).then_some(Ok(Paragraph { fields }))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with('-') && name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_paragraphs_with_folded_fields_and_comments() {
        let text = "# a comment\n\nPackage: a\nDescription: one\n two\n# not this\n three\r\n\n \nPackage: b\nEmpty:\n";
        let all = paragraphs(text).collect::<Result<Vec<_>, _>>().unwrap();
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].get("package"), Some("a"));
        assert_eq!(all[0].lines("Description").collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!((all[1].get("Empty"), all[1].get("Absent")), (Some(""), None));
    }

    #[test]
    fn an_end_of_line_is_none_of_the_value_however_many_carriage_returns_it_has() {
        for text in ["a: b", "a: b\n", "a: b\r\n", "a: b\r\r\n", "a: b\r\r"] {
            assert_eq!(only_paragraph(text).unwrap().fields(), [("a", " b")], "{text:?}");
        }
    }

    #[test]
    fn says_in_which_line_it_goes_wrong() {
        let errors = ["a: b\nno field\n", "\n folded\n", "Ä: x\n", "-a: b"].map(|text| paragraphs(text).last());
        insta::assert_debug_snapshot!(errors.map(|error| error.unwrap().unwrap_err().to_string()), @r#"
        [
            "line 2: neither `Name: value` nor a continuation",
            "line 2: a continuation without a field before it",
            "line 1: neither `Name: value` nor a continuation",
            "line 1: neither `Name: value` nor a continuation",
        ]
        "#);
        assert!(only_paragraph("a: b\n\nc: d\n").is_err() && only_paragraph("").is_err());
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            written in prop::collection::vec(
                prop::collection::vec(("[A-Za-z][A-Za-z0-9-]{0,10}", "[a-z][ -~]{0,19}[a-z]"), 1..5), 0..5)
        ) {
            let text: String = written.iter().map(|paragraph| {
                let lines = paragraph.iter().map(|(name, value)| format!("{name}: {value}\n"));
                lines.collect::<String>() + "\n"
            }).collect();
            let read = paragraphs(&text).collect::<Result<Vec<_>, _>>().unwrap();
            prop_assert_eq!(read.len(), written.len());
            for (read, written) in read.iter().zip(&written) {
                let read: Vec<_> = read.fields().iter().map(|(n, v)| ((*n).to_owned(), v.trim().to_owned())).collect();
                prop_assert_eq!(&read, written);
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "[ \t\r\n#:aÄ-]{0,60}") {
            for paragraph in paragraphs(&text).flatten() {
                let _ = paragraph.words("a").count();
            }
        }
    }
}
