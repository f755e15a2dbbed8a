//! `files`: from a service's folder into a tree of files. Nothing may come from outside the folder.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files::FileError;
use seaworthy_image::oci::APP;
use seaworthy_image::{Content, Entry, Tree};
use seaworthy_model::manifest::{FileSource, LOCK_FILE};
use std::fs::Metadata;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Component, Path, PathBuf};

/// How many entries one service may have.
const ENTRIES_MAX: usize = 200_000;
/// What is never meant to run. The first build of an app writes the lock, and the second makes the same image.
const LEFT_OUT: [&str; 4] = [".git", "__pycache__", ".DS_Store", LOCK_FILE];

const FOLDER: Entry = Entry::Directory { mode: 0o755 };

/// Collects the files of one service.
pub(crate) struct Collector<'a> {
    service: &'a str,
    /// The service's folder, without symbolic links.
    folder: PathBuf,
    /// By path relative to `/app`.
    tree: Tree,
    /// The folders that are being read, to notice links that lead in a circle.
    open: Vec<PathBuf>,
}

/// The tree of a service's `files`, as they will lie in its image; their content stays where it is.
pub(crate) fn collect(service: &str, folder: &Path, sources: &[FileSource]) -> Result<Tree, Diagnostic> {
    let folder = folder.canonicalize().map_err(|error| FileError::new("read", folder, error))?;
    let mut collector = Collector { service, folder, tree: Tree::default(), open: Vec::new() };
    sources.iter().try_for_each(|source| collector.source(source))?;
    let entries = collector.tree.entries.into_iter();
    let mut tree = Tree { entries: entries.map(|(path, entry)| (format!("{APP}/{path}"), entry)).collect() };
    tree.entries.insert(APP.to_owned(), FOLDER);
    Ok(tree)
}

impl Collector<'_> {
    fn source(&mut self, source: &FileSource) -> Result<(), Diagnostic> {
        if self.folder.join(&source.from).symlink_metadata().is_ok() {
            let name = source.from.rsplit('/').next().unwrap_or_default();
            let lands = match source.to.as_deref() {
                None => name.to_owned(),
                Some(".") if self.folder.join(&source.from).is_file() => name.to_owned(),
                Some(to) => to.to_owned(),
            };
            return self.entry(&source.from, if lands == "." { "" } else { &lands });
        }
        let matches = matching(&self.folder, &source.from)?;
        if matches.is_empty() {
            let message = format!("`{}` of `{}` is not there after the build", source.from, self.service);
            let help = format!("look in `{}`; `files` names what `build` leaves there", self.folder.display());
            return Err(Diagnostic::user(message).help(help));
        }
        for from in matches {
            let name = from.rsplit('/').next().unwrap_or_default();
            let lands = match source.to.as_deref() {
                None | Some(".") => name.to_owned(),
                Some(to) => format!("{to}/{name}"),
            };
            self.entry(&from, &lands)?;
        }
        Ok(())
    }

    /// A file or a directory that was named: links are followed.
    fn entry(&mut self, from: &str, lands: &str) -> Result<(), Diagnostic> {
        let path = self.resolved(&self.folder.join(from), from)?;
        let metadata = path.metadata().map_err(|error| FileError::new("read", &path, error))?;
        if metadata.is_dir() { self.directory(&path, lands, &path) } else { self.file(&path, &metadata, lands) }
    }

    /// All of a directory. Links that stay within `root`, which lands as a whole, stay links; others become what they
    /// point to.
    fn directory(&mut self, path: &Path, lands: &str, root: &Path) -> Result<(), Diagnostic> {
        if self.open.iter().any(|open| open == path) {
            let message = format!("links in `{}` lead in a circle", self.shown(path));
            return Err(Diagnostic::user(message).help("take one of the links away"));
        }
        self.open.push(path.to_owned());
        let wrong = |error| FileError::new("read", path, error);
        let mut names = Vec::new();
        for entry in std::fs::read_dir(path).map_err(wrong)? {
            names.push(entry.map_err(wrong)?.file_name());
        }
        names.sort();
        let mut empty = true;
        for name in names {
            let Some(name) = name.to_str() else {
                let message = format!("`{}` holds a name that is not UTF-8", self.shown(path));
                return Err(Diagnostic::user(message).help("rename it"));
            };
            if LEFT_OUT.contains(&name) {
                continue;
            }
            empty = false;
            let lands = if lands.is_empty() { name.to_owned() } else { format!("{lands}/{name}") };
            self.inner(&path.join(name), &lands, root)?;
        }
        if empty && !lands.is_empty() {
            self.add(lands, FOLDER, path)?;
        }
        self.open.pop();
        Ok(())
    }

    fn inner(&mut self, path: &Path, lands: &str, root: &Path) -> Result<(), Diagnostic> {
        let metadata = path.symlink_metadata().map_err(|error| FileError::new("read", path, error))?;
        if metadata.is_dir() {
            return self.directory(path, lands, root);
        }
        if !metadata.is_symlink() {
            return self.file(path, &metadata, lands);
        }
        let target = self.resolved(path, &self.shown(path))?;
        let to = std::fs::read_link(path).map_err(|error| FileError::new("read", path, error))?;
        if stays_within(path, &to, root) {
            let Some(to) = to.to_str() else {
                let message = format!("`{}` points to a name that is not UTF-8", self.shown(path));
                return Err(Diagnostic::user(message).help("rename it"));
            };
            return self.add(lands, Entry::Link { to: to.to_owned() }, path);
        }
        let metadata = target.metadata().map_err(|error| FileError::new("read", &target, error))?;
        if metadata.is_dir() { self.directory(&target, lands, &target) } else { self.file(&target, &metadata, lands) }
    }

    fn file(&mut self, path: &Path, metadata: &Metadata, lands: &str) -> Result<(), Diagnostic> {
        if !metadata.is_file() {
            let message = format!("`{}` is neither a file nor a directory", self.shown(path));
            return Err(Diagnostic::user(message).help("leave sockets, pipes and devices out of `files`"));
        }
        // Whether it may be executed is all that counts: the rest is whatever umask somebody had.
        let mode = if metadata.permissions().mode() & 0o111 == 0 { 0o644 } else { 0o755 };
        self.add(lands, Entry::File { mode, content: Content::Path(path.to_owned()) }, path)
    }

    fn add(&mut self, lands: &str, entry: Entry, path: &Path) -> Result<(), Diagnostic> {
        if self.tree.entries.len() >= ENTRIES_MAX {
            let message = format!("`files` of `{}` has more than {ENTRIES_MAX} entries", self.service);
            return Err(Diagnostic::user(message).help("name only what the program needs"));
        }
        // The same file matched twice is no conflict, and neither are directories that merge.
        let fits = |other: &Entry| *other == entry;
        if self.tree.entries.get(lands).is_some_and(|other| !fits(other)) || self.blocked(lands) {
            let message = format!("`{}` is not alone in landing at `{lands}`", self.shown(path));
            return Err(Diagnostic::user(message).help("say where it lands: `{ from = \"…\", to = \"…\" }`"));
        }
        self.tree.entries.insert(lands.to_owned(), entry);
        Ok(())
    }

    /// Whether a file or link stands where a directory of this path would have to be, or the other way round.
    fn blocked(&self, lands: &str) -> bool {
        let entries = &self.tree.entries;
        let above = lands.match_indices('/').map(|(at, _)| &lands[..at]);
        let below = format!("{lands}/");
        above.into_iter().any(|above| entries.get(above).is_some_and(|entry| *entry != FOLDER))
            || entries.range(below.clone()..).next().is_some_and(|(name, _)| name.starts_with(&below))
    }

    /// The path without symbolic links, if it is still in the service's folder.
    fn resolved(&self, path: &Path, shown: &str) -> Result<PathBuf, Diagnostic> {
        let resolved = path.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Diagnostic::user(format!("`{shown}` of `{}` points to nothing", self.service))
                    .help("build what it points to, or take the link away")
            }
            _ => FileError::new("read", path, error).into(),
        })?;
        if resolved.starts_with(&self.folder) {
            return Ok(resolved);
        }
        let message = format!("`{shown}` of `{}` leads out of its folder, to `{}`", self.service, resolved.display());
        Err(Diagnostic::user(message).help("copy it into the folder when building, or leave it out of `files`"))
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }
}

/// Whether a link's target lies in the directory that lands with it, by its text alone: what it becomes elsewhere.
fn stays_within(link: &Path, to: &Path, root: &Path) -> bool {
    let Ok(below) = link.strip_prefix(root) else { return false };
    let mut depth = below.components().count().saturating_sub(1);
    for component in to.components() {
        match component {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => return false,
        }
    }
    true
}

/// The paths below a folder that a glob matches: relative, sorted. A star does not match a slash or a leading dot.
pub(crate) fn matching(folder: &Path, pattern: &str) -> Result<Vec<String>, Diagnostic> {
    let options =
        glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let whole = format!("{}/{pattern}", glob::Pattern::escape(&folder.to_string_lossy()));
    let wrong = |problem: String| Diagnostic::user(format!("cannot read `{pattern}`: {problem}"));
    let mut matches = Vec::new();
    for path in glob::glob_with(&whole, options).map_err(|error| wrong(error.to_string()))? {
        let path = path.map_err(|error| wrong(error.to_string()))?;
        let relative = path.strip_prefix(folder).unwrap_or(&path);
        matches.extend(relative.to_str().map(str::to_owned));
    }
    matches.sort();
    Ok(matches)
}
