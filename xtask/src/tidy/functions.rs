//! No function is longer than a page.

use super::Problem;
use std::path::Path;

const LINES_MAX: usize = 70;

/// Rustfmt puts a function's closing brace at the indentation of its first line: that is all it takes to measure one.
pub(super) fn check(file: &Path, content: &str) -> Vec<Problem> {
    let lines: Vec<&str> = content.lines().collect();
    let mut problems = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indentation}}}");
        let body = lines[start..].iter().position(|line| line.trim_end() == end);
        let length = body.map_or(0, |length| length + 1);
        if length > LINES_MAX && !ends_at_once(&lines[start..]) {
            problems.push(Problem::new(
                file,
                start + 1,
                format!("fn {name}: {length} lines; {LINES_MAX} is the limit"),
            ));
        }
    }
    problems
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if rest.starts_with("//") {
        return None;
    }
    for word in ["pub ", "pub(crate) ", "pub(super) ", "default ", "const ", "async ", "unsafe ", "extern \"C\" "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_')?;
    Some(&rest[..end])
}

/// A signature without a body (in a trait), or a body on the same line.
fn ends_at_once(lines: &[&str]) -> bool {
    lines
        .iter()
        .map(|line| line.trim_end())
        .find(|line| line.ends_with([';', '{', '}']))
        .is_some_and(|line| !line.ends_with('{'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(lines: usize) -> String {
        format!("    pub(crate) async fn f() {{\n{}    }}\n", "        x();\n".repeat(lines - 2))
    }

    #[test]
    fn a_page_is_the_limit() {
        assert_eq!(check(Path::new("a.rs"), &function(LINES_MAX)), []);
        let problems = check(Path::new("a.rs"), &function(LINES_MAX + 1));
        assert_eq!(problems, [Problem::new("a.rs", 1, "fn f: 71 lines; 70 is the limit")]);
    }

    #[test]
    fn a_signature_alone_has_no_length() {
        let content = format!("trait T {{\n    fn g();\n{}    }}\n}}\n", "    // x\n".repeat(80));
        assert_eq!(check(Path::new("a.rs"), &content), []);
    }
}
