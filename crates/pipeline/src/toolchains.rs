//! Which compilers and interpreters a build uses, in their own words: another version makes something else.

use crate::cache::Cache;
use crate::confinement::Confinements;
use crate::isolation::Isolation;
use crate::limits::StepLimits;
use crate::shell::ShellLine;
use crate::surroundings;
use seaworthy_model::Digest;
use seaworthy_model::manifest::BuildNetwork;
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

const TOOLS: [Tool; 14] = [
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
    Tool { program: "cc", line: "cc --version", words: &["cc", "c++", "make", "cmake", "ninja", "meson"], files: &[] },
    Tool { program: "gcc", line: "gcc --version", words: &["gcc", "g++"], files: &[] },
    Tool { program: "clang", line: "clang --version", words: &["clang", "clang++"], files: &[] },
    Tool { program: "make", line: "make --version", words: &["make"], files: &[] },
    Tool { program: "cmake", line: "cmake --version", words: &["cmake"], files: &[] },
    Tool {
        program: "java",
        // Where version 8 says it, too.
        line: "java -version",
        words: &["java", "javac", "jar", "mvn", "mvnw", "gradle", "gradlew"],
        files: &["pom.xml", "build.gradle", "build.gradle.kts"],
    },
    // The rest of what these say is of Java and of the machine.
    Tool { program: "mvn", line: "mvn --version | head -n 1", words: &["mvn"], files: &[] },
    Tool { program: "gradle", line: "gradle --version | grep '^Gradle '", words: &["gradle"], files: &[] },
    Tool { program: "dotnet", line: "dotnet --version", words: &["dotnet"], files: &["global.json"] },
];

/// Files in and above a service's folder by which one program stands for several versions.
const CHOOSING: [&str; 10] = [
    "rust-toolchain",
    "rust-toolchain.toml",
    "go.mod",
    ".python-version",
    ".ruby-version",
    ".node-version",
    ".nvmrc",
    ".tool-versions",
    ".java-version",
    "global.json",
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

/// Where toolchains are asked, and with what.
pub(crate) struct Asked<'a> {
    pub(crate) folder: &'a Path,
    pub(crate) scope: &'a Path,
    pub(crate) isolation: &'a Isolation,
    pub(crate) confinements: &'a Confinements,
    pub(crate) limits: &'a StepLimits,
    pub(crate) cache: &'a Cache,
}

/// What the programs say that a service's lines and files name, by program. Nothing for a service without lines.
pub(crate) fn versions(asked: &Asked<'_>, lines: &[&str]) -> BTreeMap<String, String> {
    if lines.is_empty() {
        return BTreeMap::new();
    }
    let not_a_word = |c: char| !(c.is_ascii_alphanumeric() || "_.-+".contains(c));
    let words: Vec<&str> = lines.iter().flat_map(|line| line.split(not_a_word)).collect();
    let used = |tool: &&Tool| {
        let by_file = || tool.files.iter().any(|file| asked.folder.join(file).exists());
        tool.words.iter().any(|word| words.contains(word)) || by_file()
    };
    let version = |tool: &Tool| Some((tool.program.to_owned(), asked.version(tool)?));
    TOOLS.iter().filter(used).filter_map(version).collect()
}

/// What one program says of its version.
pub(crate) fn say(asked: &Asked<'_>, program: &'static str, line: &'static str) -> Option<String> {
    asked.version(&Tool { program, line, words: &[], files: &[] })
}

impl Asked<'_> {
    fn version(&self, tool: &Tool) -> Option<String> {
        let program = surroundings::program(tool.program, &self.isolation.variables)?;
        let key = key(&program, self.folder, self.scope);
        if let Some(known) = self.cache.toolchain(&key) {
            return Some(known);
        }
        let answer = RefCell::new(Vec::new());
        let shell = ShellLine {
            line: tool.line,
            folder: self.folder,
            isolation: self.isolation,
            network: BuildNetwork::Machine,
            confinements: self.confinements,
            limits: self.limits,
            deadline: Instant::now() + TIME_MAX,
            cancelled: &|| false,
            told: &|line: String| answer.borrow_mut().push(line),
        };
        shell.run().ok()?;
        let answer: String = answer.into_inner().join("; ").chars().take(ANSWER_CHARACTERS_MAX).collect();
        // Whoever cannot keep it asks again.
        let _ = self.cache.keep_toolchain(&key, &answer);
        Some(answer)
    }
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
