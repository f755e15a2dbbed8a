//! The examples' own tests, each by its language's own tool.

use super::step::Step;
use crate::failure::Failure;
use crate::workspace;
use std::path::{Path, PathBuf};

/// Where programs live that are not members of the workspace.
const FOLDERS: &[&str] = &["examples", "tests/as-found"];

/// Found by the file that each language has at the root of a program.
pub(super) fn steps(root: &Path) -> Result<Vec<Step>, Failure> {
    let files: Vec<PathBuf> = workspace::files(root)?
        .into_iter()
        .filter(|file| FOLDERS.iter().any(|folder| file.starts_with(folder)))
        .collect();
    Ok(files
        .iter()
        .filter_map(|file| Some((file.parent()?, file)))
        .flat_map(|(folder, file)| of(root, folder, file, &files))
        .collect())
}

fn of(root: &Path, folder: &Path, file: &Path, files: &[PathBuf]) -> Vec<Step> {
    let step = |kind: &str, command: &str| {
        Step::new(format!("{kind} {}", folder.display()), &root.join(folder), command).slow()
    };
    let has = |matches: fn(&str) -> bool| {
        files
            .iter()
            .filter(|other| other.starts_with(folder))
            .any(|other| other.file_name().and_then(|name| name.to_str()).is_some_and(matches))
    };
    match file.file_name().and_then(|name| name.to_str()).unwrap_or_default() {
        "Cargo.toml" => vec![
            step("example-format", "cargo fmt --all --check"),
            step("example-clippy", "cargo clippy --locked --all-targets -- -D warnings"),
            step("example-test", "cargo test --locked --no-fail-fast").tests(),
        ],
        "go.mod" => {
            let mut steps = vec![step("example-vet", "go vet ./...")];
            if has(|name| name.ends_with("_test.go")) {
                steps.push(step("example-test", "go test -v ./...").tests());
            }
            steps
        }
        "package.json" if has(|name| name.contains(".test.")) => vec![step("example-test", "node --test").tests()],
        name if name.starts_with("test_") && name.ends_with(".py") => {
            vec![step("example-test", &format!("python3 -m unittest -v {name}")).tests()]
        }
        name if (name.starts_with("test_") || name.ends_with("_test.rb")) && name.ends_with(".rb") => {
            vec![step("example-test", &format!("ruby -I . {name}")).tests()]
        }
        _ => Vec::new(),
    }
}
