//! The programs that are no members of the workspace: what their language's own tools say of them, and the tests that
//! their manifest names.

use super::step::Step;
use crate::failure::Failure;
use crate::workspace;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where they live.
const FOLDERS: &[&str] = &["examples", "tests"];

/// `gofmt` alone lists what it would change and ends with exit code 0.
const GOFMT: &str = r#"files=$(gofmt -l .) && if [ -n "$files" ]; then echo "$files"; exit 1; fi"#;

/// What matters here of a `seaworthy.toml`.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    services: BTreeMap<String, Service>,
}

#[derive(Deserialize)]
struct Service {
    path: Option<PathBuf>,
    test: Option<String>,
}

pub(super) fn steps(root: &Path) -> Result<Vec<Step>, Failure> {
    let files = workspace::files(root)?;
    let mut steps = Vec::new();
    for file in files.iter().filter(|file| FOLDERS.iter().any(|folder| file.starts_with(folder))) {
        let Some(folder) = file.parent() else { continue };
        let step = |name: &str, command: &str| {
            Step::new(format!("{name} {}", folder.display()), &root.join(folder), command).slow()
        };
        match file.file_name().and_then(|name| name.to_str()) {
            Some("Cargo.toml") => {
                steps.push(step("example-format", "cargo fmt --all --check"));
                steps.push(step("example-clippy", "cargo clippy --release --locked --all-targets -- -D warnings"));
            }
            Some("go.mod") => {
                steps.push(step("example-format", "sh -c").argument(GOFMT));
                steps.push(step("example-vet", "go vet ./..."));
            }
            Some(name) if file.starts_with("tests") && name.starts_with("test_") && name.ends_with(".py") => {
                steps.push(step("as-found", &format!("python3 -m unittest -v {name}")).tests());
            }
            Some(name) if name.starts_with("test-") && name.ends_with(".sh") => {
                steps.push(step("example-script", "sh").argument(name).database());
            }
            Some("seaworthy.toml") => steps.extend(tests(root, folder, file)?),
            _ => {}
        }
    }
    Ok(steps)
}

/// The `test` lines of a manifest, each in its service's folder by a shell, as `seaworthy up` runs them.
fn tests(root: &Path, folder: &Path, file: &Path) -> Result<Vec<Step>, Failure> {
    let text = workspace::text(root, file)?.unwrap_or_default();
    let manifest: Manifest = toml::from_str(&text)
        .map_err(|source| Failure::Manifest { path: file.to_owned(), source: Box::new(source) })?;
    let services =
        manifest.services.into_iter().filter_map(|(name, service)| Some((name, service.path, service.test?)));
    Ok(services
        .map(|(name, path, test)| {
            let at = folder.join(path.unwrap_or_else(|| name.into()));
            let step = Step::new(format!("example-test {}", at.display()), &root.join(&at), "sh -c");
            step.argument(&with_all_tests(&test)).tests().slow().database()
        })
        .collect())
}

/// Go says which tests ran only when it is asked to; Rust's tests that need a database server are `ignored` where none
/// is named, and here one is.
fn with_all_tests(test: &str) -> String {
    if let Some(rest) = test.strip_prefix("go test") {
        return format!("go test -v{rest}");
    }
    if test.starts_with("cargo test") {
        return format!("if [ -n \"${{TEST_POSTGRES_URL-}}\" ]; then {test} -- --include-ignored; else {test}; fi");
    }
    test.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_names_its_tests() {
        let root = tempfile::tempdir().unwrap();
        let manifest = "app = \"a\"\n[services.one]\ntest = \"go test ./...\"\n[services.two]\npath = \".\"\n";
        #[expect(clippy::disallowed_methods, reason = "a throwaway file")]
        std::fs::write(root.path().join("seaworthy.toml"), manifest).unwrap();
        let steps = tests(root.path(), Path::new(""), Path::new("seaworthy.toml")).unwrap();
        assert_eq!(steps.len(), 1);
        assert_eq!(steps[0].name, "example-test one");
        assert_eq!(steps[0].command, ["sh", "-c", "go test -v ./..."]);
        assert_eq!(steps[0].folder, root.path().join("one"));
    }
}
