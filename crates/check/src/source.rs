//! Places in a Hurl file.

use hurl_core::ast::SourceInfo;
use seaworthy_checks::wire::Position;

/// Start and end of a place, as they go over the wire. Hurl's column 0 means the whole line.
pub(crate) fn positions(text: &str, source: SourceInfo) -> (Position, Position) {
    if source.start.column == 0 {
        let line = text.lines().nth(source.start.line.saturating_sub(1)).unwrap_or("");
        let indent = line.chars().take_while(|character| character.is_whitespace()).count();
        let at = |column| Position { line: source.start.line, column };
        return (at(indent + 1), at(indent + 1 + line.trim().chars().count()));
    }
    let position = |at: hurl_core::reader::Pos| Position { line: at.line, column: at.column };
    (position(source.start), position(source.end))
}

/// The text of a place, up to the end of its first line.
pub(crate) fn text_at(text: &str, source: SourceInfo) -> &str {
    let Some(line) = text.lines().nth(source.start.line.saturating_sub(1)) else { return "" };
    let start = byte_of(line, source.start.column);
    let end = if source.end.line == source.start.line { byte_of(line, source.end.column) } else { line.len() };
    line.get(start..end.max(start)).unwrap_or("").trim_end()
}

/// The whole line of a place, without the space around it.
pub(crate) fn line_at(text: &str, source: SourceInfo) -> &str {
    text.lines().nth(source.start.line.saturating_sub(1)).unwrap_or("").trim()
}

fn byte_of(line: &str, column: usize) -> usize {
    line.char_indices().nth(column.saturating_sub(1)).map_or(line.len(), |(byte, _)| byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hurl_core::reader::Pos;

    #[test]
    fn counts_characters_and_survives_places_that_do_not_exist() {
        let at = |from: (usize, usize), to: (usize, usize)| SourceInfo {
            start: Pos { line: from.0, column: from.1 },
            end: Pos { line: to.0, column: to.1 },
        };
        let text = "GET é\n  HTTP 200  \n";
        assert_eq!(text_at(text, at((1, 5), (1, 6))), "é");
        assert_eq!(text_at(text, at((2, 8), (9, 9))), "200");
        assert_eq!(text_at(text, at((2, 8), (2, 3))), "");
        assert_eq!(text_at(text, at((7, 1), (7, 2))), "");
        assert_eq!(line_at(text, at((2, 8), (2, 9))), "HTTP 200");
        let (from, to) = positions(text, at((2, 0), (2, 0)));
        assert_eq!((from.column, to.column), (3, 11));
    }
}
