//! What holds for every line of every text file.

use super::Problem;
use std::path::Path;

const WIDTH_MAX: usize = 120;

/// Files that other programs write, or whose lines are data.
const ANY_WIDTH: &[&str] =
    &["lock", "snap", "json", "svg", "sum", "html", "hurl", "toml", "xml", "proptest-regressions"];

/// Work that is put off is an issue; these need its number: `TODO(#12)`.
const PUT_OFF: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("HA", "CK")];

/// A place on one machine, or the host of a package registry or of a mirror of one.
const PLACES: &[&str] = &[
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
    concat!("/Us", "ers/"),
    concat!("crates", ".io/"),
    concat!("registry.npm", "js.org"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("proxy.golang", ".org"),
    concat!("sum.golang", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("archive.ubuntu", ".com"),
    concat!("rubygems", ".org"),
];

pub(super) fn check(file: &Path, content: &str) -> Vec<Problem> {
    let extension = file.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let is_data = ANY_WIDTH.contains(&extension);
    let mut problems = Vec::new();
    for (index, line) in content.lines().enumerate() {
        let mut add = |message: String| problems.push(Problem::new(file, index + 1, message));
        let width = line.chars().count();
        let is_row = extension == "md" && line.starts_with('|');
        let is_literal = extension == "rs" && line.contains('"') && !line.trim_start().starts_with("//");
        if width > WIDTH_MAX && !is_data && !is_row && !is_literal && !line.contains("://") {
            add(format!("{width} characters wide; {WIDTH_MAX} is the limit"));
        }
        if line != line.trim_end() && extension != "snap" && extension != "md" && extension != "patch" {
            add("white space at the end of the line".to_owned());
        }
        if let Some(word) = PUT_OFF.iter().find(|word| is_put_off(line, word)) {
            add(format!("`{word}` without an issue's number: write `{word}(#12)` or do it now"));
        }
        if let Some(place) = PLACES.iter().find(|place| extension != "lock" && line.contains(**place)) {
            add(format!("`{place}` is a place on one machine, or somebody's registry"));
        }
    }
    if !content.is_empty() && !content.ends_with('\n') && !is_data {
        problems.push(Problem::new(file, 0, "the last line has no end"));
    }
    problems
}

/// Whether the line has this word, as a word of its own, with no issue's number behind it.
fn is_put_off(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = &line[at + word.len()..];
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        !before.is_some_and(is_word) && !after.starts_with(is_word) && !after.starts_with("(#")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages(file: &str, content: &str) -> usize {
        check(Path::new(file), content).len()
    }

    #[test]
    fn a_line_may_be_as_wide_as_the_limit_and_no_wider() {
        assert_eq!(messages("a.rs", &format!("{}\n", "é".repeat(WIDTH_MAX))), 0);
        assert_eq!(messages("a.rs", &format!("{}\n", "é".repeat(WIDTH_MAX + 1))), 1);
        assert_eq!(messages("a.lock", &format!("{}\n", "é".repeat(WIDTH_MAX + 1))), 0);
    }

    #[test]
    fn what_is_put_off_needs_a_number() {
        let word = PUT_OFF[0];
        assert_eq!(messages("a.rs", &format!("// {word}: later\n")), 1);
        assert_eq!(messages("a.rs", &format!("// {word}(#7): later\n")), 0);
        assert_eq!(messages("a.rs", &format!("// {word}S are fine\n")), 0);
    }

    #[test]
    fn no_place_on_one_machine() {
        for place in PLACES {
            assert_eq!(messages("a.sh", &format!("cd {place}x\n")), 1, "{place}");
        }
    }

    #[test]
    fn ends_are_clean() {
        assert_eq!(messages("a.rs", "x \n"), 1);
        assert_eq!(messages("a.rs", "x"), 1);
        assert_eq!(messages("a.rs", ""), 0);
    }
}
