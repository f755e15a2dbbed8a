//! Which compilers and interpreters a build uses, in their own words: another version makes something else.

use crate::cache::Cache;
use crate::isolation::Isolation;
use crate::shell::ShellLine;
use crate::surroundings;
use seaworthy_model::Digest;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A program, what makes it say its version, the words of a line and the files of a folder that mean that it is used.
struct Tool {
    program: &'static str,
    line: &'static str,
    words: &'static [&'static str],
    files: &'static [&'static str],
}

const TOOLS: [Tool; 5] = [
    Tool { program: "rustc", line: "rustc -vV", words: &["cargo", "rustc"], files: &["Cargo.toml"] },
    Tool { program: "go", line: "go version", words: &["go"], files: &["go.mod"] },
    Tool {
        program: "node",
        line: "node --version",
        words: &["node", "npm", "npx", "yarn", "pnpm"],
        files: &["package.json"],
    },
    Tool {
        program: "python3",
        line: "python3 --version",
        words: &["python3", "python", "pip", "pip3", "poetry", "uv"],
        files: &["pyproject.toml", "requirements.txt"],
    },
    Tool {
        program: "ruby",
        line: "ruby --version",
        words: &["ruby", "bundle", "bundler", "gem", "rake"],
        files: &["Gemfile"],
    },
];

/// Files in and above a service's folder by which one program stands for several versions.
const CHOOSING: [&str; 8] = [
    "rust-toolchain",
    "rust-toolchain.toml",
    "go.mod",
    ".python-version",
    ".ruby-version",
    ".node-version",
    ".nvmrc",
    ".tool-versions",
];
/// The same in the user's home.
const CHOOSING_AT_HOME: [&str; 6] = [
    ".rustup/settings.toml",
    ".rustup/update-hashes",
    ".rustup/toolchains",
    ".pyenv/version",
    ".rbenv/version",
    ".tool-versions",
];
const TIME_MAX: Duration = Duration::from_secs(30);
/// Where an answer is cut.
const ANSWER_CHARACTERS_MAX: usize = 1024;

/// What the programs say that a service's lines and files name, by program. Nothing for a service without lines.
pub(crate) fn versions(
    folder: &Path,
    scope: &Path,
    lines: &[&str],
    isolation: &Isolation,
    cache: &Cache,
) -> BTreeMap<String, String> {
    if lines.is_empty() {
        return BTreeMap::new();
    }
    let not_a_word = |c: char| !(c.is_ascii_alphanumeric() || "_.-".contains(c));
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split(not_a_word)).collect();
    let used = |tool: &&Tool| {
        tool.words.iter().any(|word| words.contains(word)) || tool.files.iter().any(|file| folder.join(file).exists())
    };
    let version = |tool: &Tool| Some((tool.program.to_owned(), version(tool, folder, scope, isolation, cache)?));
    TOOLS.iter().filter(used).filter_map(version).collect()
}

/// What one program says of its version.
pub(crate) fn say(program: &'static str, line: &'static str, isolation: &Isolation, cache: &Cache) -> Option<String> {
    let folder = isolation.scope();
    version(&Tool { program, line, words: &[], files: &[] }, folder, folder, isolation, cache)
}

fn version(tool: &Tool, folder: &Path, scope: &Path, isolation: &Isolation, cache: &Cache) -> Option<String> {
    let program = surroundings::program(tool.program, &isolation.variables)?;
    let key = key(&program, folder, scope);
    if let Some(known) = cache.toolchain(&key) {
        return Some(known);
    }
    let answer = RefCell::new(Vec::new());
    let (deadline, told) = (Instant::now() + TIME_MAX, |line: String| answer.borrow_mut().push(line));
    ShellLine { line: tool.line, folder, isolation, deadline, cancelled: &|| false, told: &told }.run().ok()?;
    let answer: String = answer.into_inner().join("; ").chars().take(ANSWER_CHARACTERS_MAX).collect();
    // Whoever cannot keep it asks again.
    let _ = cache.keep_toolchain(&key, &answer);
    Some(answer)
}

/// Everything that decides what the program says: its file, and what chooses a version for it.
fn key(program: &Path, folder: &Path, scope: &Path) -> Digest {
    let seen = |path: PathBuf| {
        let metadata = path.metadata().ok()?;
        let time = (metadata.mtime(), metadata.mtime_nsec());
        Some((path.to_string_lossy().into_owned(), metadata.len(), metadata.ino(), time))
    };
    let above = folder.ancestors().take_while(|above| above.starts_with(scope));
    let chosen = above.flat_map(|above| CHOOSING.map(|name| above.join(name)));
    let at_home = std::env::home_dir().into_iter().flat_map(|home| CHOOSING_AT_HOME.map(|name| home.join(name)));
    let rustup = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let rustup = rustup.into_iter().flat_map(|home| ["settings.toml", "update-hashes"].map(|name| home.join(name)));
    let files: Vec<_> =
        [program.to_owned()].into_iter().chain(chosen).chain(at_home).chain(rustup).filter_map(seen).collect();
    Digest::of_json(&(files, std::env::var("RUSTUP_TOOLCHAIN").ok(), std::env::var("PYENV_VERSION").ok()))
}
