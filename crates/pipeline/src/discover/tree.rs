//! Folders as discovery sees them: what people wrote, not what tools made.

use seaworthy_host::files;
use std::path::{Path, PathBuf};

/// Folders that are no source of a service.
const SKIPPED: [&str; 16] = [
    "target",
    "node_modules",
    "vendor",
    "venv",
    "env",
    "dist",
    "build",
    "out",
    "bin",
    "obj",
    "docs",
    "doc",
    "test",
    "tests",
    "spec",
    "__pycache__",
];
/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// How many files of a folder are read for hints.
const FILES_READ_MAX: usize = 200;

/// A folder below the root.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    root: PathBuf,
    /// Relative to the root; `.` for the root.
    pub(super) path: String,
}

impl Folder {
    pub(super) fn new(root: &Path, path: &str) -> Self {
        Self { root: root.to_owned(), path: path.to_owned() }
    }

    /// The folder of a name in this one, which may itself be a path.
    pub(super) fn below(&self, name: &str) -> Self {
        let path = if self.path == "." { name.to_owned() } else { format!("{}/{name}", self.path) };
        Self { root: self.root.clone(), path }
    }

    /// The folder of a path relative to the root.
    pub(super) fn at(&self, path: &str) -> Self {
        Self { root: self.root.clone(), path: path.to_owned() }
    }

    /// The folder's own name.
    pub(super) fn name(&self) -> String {
        let path = if self.path == "." { &self.root } else { Path::new(&self.path) };
        path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
    }

    /// Whether a file is there.
    pub(super) fn has(&self, file: &str) -> bool {
        self.root.join(&self.path).join(file).is_file()
    }

    /// Whether a folder is there.
    pub(super) fn has_folder(&self, name: &str) -> bool {
        self.root.join(&self.path).join(name).is_dir()
    }

    /// A file's text, if it is there, is text and is not too large.
    pub(super) fn read(&self, file: &str) -> Option<String> {
        let path = self.root.join(&self.path).join(file);
        let small = path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= FILE_BYTES_MAX);
        if !small {
            return None;
        }
        String::from_utf8(files::read(&path).ok()?).ok()
    }

    /// The names of what is here, sorted: without what is hidden, and without names that no manifest can hold.
    pub(super) fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.root.join(&self.path)) else { return Vec::new() };
        let plain = |name: &String| {
            !name.starts_with('.') && !name.contains(|c: char| c.is_control() || "*?[]{}\\".contains(c))
        };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).filter(plain).collect();
        names.sort();
        names
    }

    /// The names of files with an ending, sorted.
    pub(super) fn files_with(&self, ending: &str) -> Vec<String> {
        self.names().into_iter().filter(|name| name.ends_with(ending) && self.has(name)).collect()
    }

    /// The folders below that may hold source, sorted; links are not followed.
    pub(super) fn folders(&self) -> Vec<Self> {
        let is_folder = |name: &String| {
            let metadata = self.root.join(&self.path).join(name).symlink_metadata();
            metadata.is_ok_and(|metadata| metadata.is_dir()) && !SKIPPED.contains(&name.as_str())
        };
        self.names().into_iter().filter(is_folder).map(|name| self.below(&name)).collect()
    }

    /// The text of all source files with these endings, here and below.
    pub(super) fn source(&self, endings: &[&str]) -> String {
        let mut text = String::new();
        let mut open = vec![self.clone()];
        let mut read = 0;
        while let Some(folder) = open.pop() {
            for name in folder.names() {
                let wanted = endings.iter().any(|ending| name.ends_with(ending)) && !name.contains("test");
                if wanted && read < FILES_READ_MAX {
                    read += 1;
                    text.push_str(&folder.read(&name).unwrap_or_default());
                    text.push('\n');
                }
            }
            open.extend(folder.folders());
        }
        text
    }

    /// What an interpreted program needs: everything at the top but what is plainly for people and tools.
    pub(super) fn program_files(&self) -> Vec<String> {
        const LEFT_OUT: [&str; 12] = [
            "readme",
            "license",
            "licence",
            "changelog",
            "contributing",
            "dockerfile",
            "docker-compose",
            "compose.",
            "seaworthy.toml",
            "procfile",
            "makefile",
            "test_",
        ];
        const FOLDERS: [&str; 12] = [
            "test",
            "tests",
            "spec",
            "__tests__",
            "__pycache__",
            "checks",
            "docs",
            "doc",
            "coverage",
            "venv",
            "node_modules",
            "log",
        ];
        let kept = |name: &String| {
            let lower = name.to_lowercase();
            let beginning = LEFT_OUT.iter().any(|left_out| lower.starts_with(left_out));
            !beginning
                && !FOLDERS.contains(&lower.as_str())
                && !lower.ends_with("_test.rb")
                && !lower.contains(".test.")
        };
        self.names().into_iter().filter(kept).collect()
    }
}
