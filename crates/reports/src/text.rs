//! Text from outside, made fit for being shown.

/// Without escape sequences of terminals, without characters that cannot be seen or that turn the order of others
/// (Unicode's bidirectional controls), with line feeds as the only ends of lines.
#[must_use]
pub fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\u{1b}' => skip_escape(&mut characters),
            '\r' => {
                if characters.peek() != Some(&'\n') {
                    cleaned.push('\n');
                }
            }
            '\n' | '\t' => cleaned.push(character),
            _ if character.is_control() || is_unseen(character) => {}
            '\u{fffe}' | '\u{ffff}' => cleaned.push(char::REPLACEMENT_CHARACTER),
            _ => cleaned.push(character),
        }
    }
    cleaned
}

/// ECMA-48: `ESC [` up to a final byte, `ESC ]` up to BEL or `ESC \`, else one more character.
fn skip_escape(characters: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match characters.peek() {
        Some('[') => {
            characters.next();
            while let Some(next) = characters.peek() {
                match next {
                    ' '..='?' => characters.next(),
                    '@'..='~' => {
                        characters.next();
                        break;
                    }
                    // It was never ended: what follows is text.
                    _ => break,
                };
            }
        }
        Some(']') => {
            while let Some(next) = characters.peek() {
                match next {
                    '\u{7}' => {
                        characters.next();
                        break;
                    }
                    '\u{1b}' | '\n' => break,
                    _ => characters.next(),
                };
            }
        }
        Some(' '..='~') => {
            characters.next();
        }
        _ => {}
    }
}

/// Characters of no width, controls of direction, other ends of lines, marks of byte order, tags.
fn is_unseen(character: char) -> bool {
    let ranges = ['\u{200b}'..='\u{200f}', '\u{2028}'..='\u{202e}', '\u{2060}'..='\u{2069}', '\u{e0000}'..='\u{e007f}'];
    character == '\u{feff}' || ranges.iter().any(|range| range.contains(&character))
}

/// The first line that says something, at most this many bytes of it.
#[must_use]
pub fn one_line(text: &str, bytes_max: usize) -> String {
    let cleaned = clean(text);
    let line = cleaned.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    cut(&line.replace('\t', " "), bytes_max)
}

/// At most this many bytes, with `…` where something is left out.
#[must_use]
pub fn cut(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    let end = floor(text, bytes_max.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

/// The beginning and the end, with a line between them that says how much is left out.
#[must_use]
pub fn cut_middle(text: &str, bytes_max: usize) -> String {
    if text.len() <= bytes_max {
        return text.to_owned();
    }
    // The line between them has at most 40 bytes.
    let half = bytes_max.saturating_sub(40) / 2;
    let (head, mut tail) = (floor(text, half), text.len() - half);
    while !text.is_char_boundary(tail) {
        tail += 1;
    }
    format!("{}\n… {} bytes left out …\n{}", &text[..head], tail - head, &text[tail..])
}

/// The greatest boundary of characters up to here.
fn floor(text: &str, mut at: usize) -> usize {
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_obeys_is_taken_out() {
        assert_eq!(
            clean("\u{1b}[1;31mred\u{1b}[0m\r\n\u{1b}]8;;http://x\u{7}link\u{1b}]8;;\u{1b}\\!\u{0}"),
            "red\nlink!"
        );
        assert_eq!(clean("a\u{202e}b\u{200b}c"), "abc");
        assert_eq!(clean("50%\r100%\r\nlast"), "50%\n100%\nlast");
    }

    #[test]
    fn the_first_line_that_says_something() {
        assert_eq!(one_line("\n  \n  assert\t1 == 2\n at x", 100), "assert 1 == 2");
        assert_eq!(one_line("ééééé", 7), "éé…");
    }

    proptest! {
        #[test]
        fn what_is_cut_fits(text: String, bytes_max in 60_usize..200) {
            prop_assert!(cut(&text, bytes_max).len() <= bytes_max);
            prop_assert!(cut_middle(&text.repeat(3), bytes_max).len() <= bytes_max + 20);
            let cleaned = clean(&text);
            prop_assert!(cleaned.chars().all(|c| matches!(c, '\n' | '\t') || !c.is_control()));
            prop_assert_eq!(clean(&cleaned), cleaned);
        }
    }
}
