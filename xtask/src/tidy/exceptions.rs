//! No file is long, but for those that already are, and those may only shrink.

use super::Problem;
use std::path::{Path, PathBuf};

const LINES_MAX: usize = 500;

/// A file that is longer than the limit, and how long it is. Lower the number when it shrinks; never raise it.
pub(super) const FILES: &[(&str, usize)] = &[];

pub(super) fn check(lengths: &[(PathBuf, usize)], exceptions: &[(&str, usize)]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (file, length) in lengths {
        let exception = exceptions.iter().find(|(path, _)| Path::new(path) == file).map(|(_, length)| *length);
        match exception {
            None if *length > LINES_MAX => {
                problems.push(Problem::new(
                    file,
                    0,
                    format!("{length} lines; past {LINES_MAX} it wants to become two"),
                ));
            }
            Some(most) if *length > most => {
                problems.push(Problem::new(
                    file,
                    0,
                    format!("grew from {most} to {length} lines: an exception only shrinks"),
                ));
            }
            Some(most) if *length < most => {
                problems.push(Problem::new(
                    file,
                    0,
                    format!("shrank to {length} lines: say so in xtask/src/tidy/exceptions.rs"),
                ));
            }
            _ => {}
        }
    }
    for (path, _) in exceptions {
        if !lengths.iter().any(|(file, _)| file == Path::new(path)) {
            problems.push(Problem::new(*path, 0, "is gone: strike it from xtask/src/tidy/exceptions.rs"));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(length: usize, exceptions: &[(&str, usize)]) -> usize {
        check(&[("a.rs".into(), length)], exceptions).len()
    }

    #[test]
    fn exceptions_only_shrink() {
        assert_eq!(count(500, &[]), 0);
        assert_eq!(count(501, &[]), 1);
        assert_eq!(count(600, &[("a.rs", 600)]), 0);
        assert_eq!(count(601, &[("a.rs", 600)]), 1);
        assert_eq!(count(599, &[("a.rs", 600)]), 1);
        assert_eq!(count(10, &[("gone.rs", 600)]), 1);
    }
}
