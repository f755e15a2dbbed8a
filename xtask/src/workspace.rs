//! Where the checkout is, which files it has and which packages depend on which.

use crate::failure::Failure;
use crate::shell;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace").to_owned()
}

/// The project's files, relative to the root, sorted: those that git tracks or would track, or without git those that
/// no build made.
pub(crate) fn files(root: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = if root.join(".git").exists() {
        shell::capture(root, &["git", "ls-files", "--cached", "--others", "--exclude-standard"])?
            .lines()
            .map(PathBuf::from)
            .filter(|path| root.join(path).is_file())
            .collect()
    } else {
        let mut found = Vec::new();
        walk(root, Path::new(""), &mut found)?;
        found
    };
    files.sort();
    files.dedup();
    Ok(files)
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let at = root.join(folder);
    for entry in fs::read_dir(&at).map_err(|source| Failure::Io { path: at.clone(), source })? {
        let entry = entry.map_err(|source| Failure::Io { path: at.clone(), source })?;
        let name = entry.file_name();
        let path = folder.join(&name);
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            if !matches!(name.to_str(), Some("target" | "node_modules" | "__pycache__" | ".git")) {
                walk(root, &path, found)?;
            }
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

/// A file's text, or `None` where it is not UTF-8.
pub(crate) fn text(root: &Path, file: &Path) -> Result<Option<String>, Failure> {
    let path = root.join(file);
    let bytes = fs::read(&path).map_err(|source| Failure::Io { path, source })?;
    Ok(String::from_utf8(bytes).ok())
}

/// A package of the workspace and what it says that it depends on.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line of a package's dependencies.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub(crate) kind: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

/// The packages of the workspace.
pub(crate) fn packages(root: &Path) -> Result<Vec<Package>, Failure> {
    let words = ["cargo", "metadata", "--format-version=1", "--no-deps", "--offline"];
    let json = shell::capture(root, &words)?;
    let metadata: Metadata =
        serde_json::from_str(&json).map_err(|source| Failure::Json { command: words.join(" "), source })?;
    Ok(metadata.packages)
}
