//! What a service's build depends on, as one digest: as long as it stays, the result of the last build stands.

use crate::git;
use crate::isolation::Isolation;
use crate::stamps::Stamps;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use seaworthy_image::layer;
use seaworthy_model::Digest;
use seaworthy_model::manifest::{BuildNetwork, LOCK_FILE};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Folders that hold what builds make, where there is no git to say so.
const MADE: [&str; 6] = ["target", "node_modules", ".git", "__pycache__", ".venv", ".bundle"];

/// Files whose presence above a service's folder means that its build reads more than the folder.
const WORKSPACES: [&str; 8] = [
    "Cargo.toml",
    "go.work",
    "package.json",
    "pnpm-workspace.yaml",
    "pyproject.toml",
    "pom.xml",
    "settings.gradle",
    "settings.gradle.kts",
];

/// Files in a service's folder that may name others outside it.
const REFERRING: [&str; 12] = [
    "Cargo.toml",
    ".cargo/config.toml",
    "go.mod",
    "package.json",
    "tsconfig.json",
    "pyproject.toml",
    "requirements.txt",
    "Gemfile",
    "Makefile",
    "pom.xml",
    "build.gradle",
    "settings.gradle",
];

/// Everything that decides what a build makes and whether its tests pass.
#[derive(Serialize)]
struct Inputs<'a> {
    format: u32,
    tree: &'a BTreeMap<String, String>,
    path: &'a str,
    build: &'a [String],
    test: &'a [String],
    files: &'a [String],
    environment: Vec<(String, String)>,
    place: Option<String>,
    toolchains: &'a BTreeMap<String, String>,
    base: &'a str,
    platform: String,
    layers: u32,
    network: BuildNetwork,
}

/// What the fingerprint covers besides the source.
pub(crate) struct Recipe<'a> {
    pub(crate) path: &'a str,
    pub(crate) build: &'a [String],
    pub(crate) test: &'a [String],
    /// The entries of `files`, as text.
    pub(crate) files: &'a [String],
    pub(crate) isolation: &'a Isolation,
    /// What its lines may reach.
    pub(crate) network: BuildNetwork,
    /// What compilers and interpreters say of their versions.
    pub(crate) toolchains: &'a BTreeMap<String, String>,
    /// What the base stands for.
    pub(crate) base: &'a str,
    /// The folder of the manifest. What the lock in it says is in `base`; writing it is no change of the source.
    pub(crate) manifest_folder: &'a Path,
}

/// A service's source and how it is built.
pub(crate) struct Fingerprint {
    pub(crate) digest: Digest,
    /// Every source file, relative to what is covered, with what it holds.
    tree: BTreeMap<String, String>,
    /// The service's folder in what is covered; empty: it is the same.
    prefix: PathBuf,
}

impl Fingerprint {
    /// The digest of the same source, built like that.
    pub(crate) fn built_by(&self, recipe: &Recipe<'_>) -> Digest {
        digest(&self.tree, recipe)
    }

    /// Whether this is `before` and nothing but what the build has made: files that an entry of `files` (patterns,
    /// relative to the service's folder) names, and that named nothing before. Where no git tells sources from results,
    /// they are told apart by this.
    pub(crate) fn is_only_built_from(&self, before: &Self, files: &[&str]) -> bool {
        if self.digest == before.digest {
            return true;
        }
        let names = |pattern: &str, path: &str| self.names(pattern, path);
        let made: Vec<&str> =
            files.iter().copied().filter(|file| !before.tree.keys().any(|path| names(file, path))).collect();
        let is_as_before = before.tree.iter().all(|(path, content)| self.tree.get(path) == Some(content));
        let mut added = self.tree.keys().filter(|path| !before.tree.contains_key(*path));
        is_as_before && added.all(|path| made.iter().any(|file| names(file, path)))
    }

    /// Whether an entry of `files` covers a path: it, or a folder above it.
    fn names(&self, pattern: &str, path: &str) -> bool {
        let Ok(path) = Path::new(path).strip_prefix(&self.prefix) else { return false };
        let Ok(pattern) = glob::Pattern::new(pattern.trim_end_matches('/')) else { return false };
        let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
        path.ancestors().any(|part| pattern.matches_path_with(part, options))
    }
}

/// What git says lies below a scope: asked once for all services.
pub(crate) struct Listing {
    scope: PathBuf,
    /// Relative to the scope, sorted; `None` outside git.
    names: Option<Vec<String>>,
    /// What its files held when they were last read.
    stamps: Stamps,
}

impl Listing {
    /// Asks git; in a checkout of our own, where what nobody committed was left by steps, for what is committed.
    pub(crate) fn of(scope: &Path, is_own: bool, cache: &Path) -> Self {
        let names = if is_own { git::known_files(scope) } else { git::files(scope) };
        Self { scope: scope.to_owned(), names, stamps: Stamps::open(cache, scope) }
    }

    /// Keeps what was read, so that it need not be read the next time.
    pub(crate) fn save(&self) {
        self.stamps.save();
    }

    /// The names below a folder, relative to it; `None` where git has to be asked there: a repository in the repository
    /// is listed as its folder alone.
    fn below(&self, folder: &Path) -> Option<Vec<String>> {
        let names = self.names.as_ref()?;
        let prefix = folder.strip_prefix(&self.scope).ok()?;
        if prefix.as_os_str().is_empty() {
            return Some(names.clone());
        }
        let prefix = format!("{}/", prefix.to_str()?);
        let from = names.partition_point(|name| name.as_str() < prefix.as_str());
        let below = names[from..].iter().map_while(|name| name.strip_prefix(&prefix)).map(str::to_owned);
        let below: Vec<String> = below.collect();
        (!below.is_empty()).then_some(below)
    }
}

/// The fingerprint of a service's source and of how it is built. A build that reads files outside its folder depends on
/// the whole scope. Without a listing git is asked anew.
pub(crate) fn fingerprint(
    folder: &Path,
    scope: &Path,
    listing: Option<&Listing>,
    recipe: &Recipe<'_>,
) -> Result<Fingerprint, Diagnostic> {
    let covered = if reaches_out(folder, scope, recipe) { scope } else { folder };
    let mut tree = tree(covered, listing)?;
    if let Ok(lock) = recipe.manifest_folder.join(LOCK_FILE).strip_prefix(covered) {
        tree.remove(&*lock.to_string_lossy());
    }
    let prefix = folder.strip_prefix(covered).unwrap_or(Path::new("")).to_owned();
    Ok(Fingerprint { digest: digest(&tree, recipe), tree, prefix })
}

fn digest(tree: &BTreeMap<String, String>, recipe: &Recipe<'_>) -> Digest {
    let environment = recipe.isolation.variables.iter();
    Digest::of_json(&Inputs {
        format: 2,
        tree,
        path: recipe.path,
        build: recipe.build,
        test: recipe.test,
        files: recipe.files,
        environment: environment
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect(),
        place: recipe.isolation.place().map(|place| place.display().to_string()),
        toolchains: recipe.toolchains,
        base: recipe.base,
        platform: format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        layers: layer::FORMAT,
        network: recipe.network,
    })
}

fn reaches_out(folder: &Path, scope: &Path, recipe: &Recipe<'_>) -> bool {
    let above = folder.ancestors().skip(1).take_while(|above| above.starts_with(scope));
    let in_workspace = above.flat_map(|above| WORKSPACES.map(|name| above.join(name))).any(|file| file.exists());
    let lines = recipe.build.iter().chain(recipe.test);
    let mut texts = REFERRING.iter().filter_map(|name| std::fs::read_to_string(folder.join(name)).ok());
    in_workspace || lines.into_iter().any(|line| line.contains("..")) || texts.any(|text| text.contains("../"))
}

/// The paths of the source files below a folder, relative to it, sorted.
pub(crate) fn sources(folder: &Path) -> Result<Vec<String>, Diagnostic> {
    Ok(tree(folder, None)?.into_keys().collect())
}

/// Every source file below a folder, relative, with what it holds.
fn tree(folder: &Path, listing: Option<&Listing>) -> Result<BTreeMap<String, String>, Diagnostic> {
    let mut tree = BTreeMap::new();
    let stamps = listing.map(|listing| &listing.stamps);
    let listed = listing.and_then(|listing| listing.below(folder));
    if let Some(files) = listed.or_else(|| git::files(folder)) {
        for name in files {
            add(folder, &name, stamps, &mut tree)?;
        }
    } else {
        walk(folder, "", stamps, &mut tree)?;
    }
    Ok(tree)
}

fn add(
    folder: &Path,
    name: &str,
    stamps: Option<&Stamps>,
    tree: &mut BTreeMap<String, String>,
) -> Result<(), Diagnostic> {
    let path = folder.join(name);
    let metadata = match path.symlink_metadata() {
        Ok(metadata) => metadata,
        // Deleted, but still in git's index.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(FileError::new("read", &path, error).into()),
    };
    if metadata.is_dir() {
        // A repository within the repository: git names it and looks no further.
        return walk(folder, name.trim_end_matches('/'), stamps, tree);
    }
    if metadata.is_symlink() {
        let to = std::fs::read_link(&path).map_err(|error| FileError::new("read", &path, error))?;
        tree.insert(name.to_owned(), format!("link {}", to.display()));
    } else if metadata.is_file() {
        let executable = if metadata.permissions().mode() & 0o111 == 0 { "file" } else { "program" };
        let content = match stamps {
            Some(stamps) => stamps.content(&path, &metadata, content)?,
            None => content(&path)?,
        };
        tree.insert(name.to_owned(), format!("{executable} {content}"));
    }
    Ok(())
}

fn walk(
    folder: &Path,
    below: &str,
    stamps: Option<&Stamps>,
    tree: &mut BTreeMap<String, String>,
) -> Result<(), Diagnostic> {
    let path = folder.join(below);
    let wrong = |error| FileError::new("read", &path, error);
    for entry in std::fs::read_dir(&path).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        let file_name = entry.file_name();
        let file_name = file_name.to_string_lossy();
        let name = if below.is_empty() { file_name.to_string() } else { format!("{below}/{file_name}") };
        match entry.file_type().map_err(wrong)? {
            kind if kind.is_dir() && MADE.contains(&file_name.as_ref()) => {}
            kind if kind.is_dir() => walk(folder, &name, stamps, tree)?,
            _ => add(folder, &name, stamps, tree)?,
        }
    }
    Ok(())
}

/// The digest of what a file holds, in hexadecimal digits.
pub(crate) fn content(path: &Path) -> Result<String, Diagnostic> {
    let wrong = |error| FileError::new("read", path, error);
    let mut file = File::open(path).map_err(wrong)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).map_err(wrong)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
