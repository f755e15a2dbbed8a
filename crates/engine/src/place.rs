//! Where a program is looked for: among this machine's files, or in an image.

use crate::layers::Layers;
use seaworthy_diagnostics::Diagnostic;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// The folder of the image's files, and where a program starts, inside a sandbox.
pub(crate) const APP: &str = "/app";
/// The service's own folder inside a sandbox, empty at every start.
pub(crate) const HOME: &str = "/home/app";
/// Where everybody may write inside a sandbox.
pub(crate) const TEMPORARY: &str = "/tmp";

/// Programs whose Debian package has another name.
const PACKAGES: &[(&str, &str)] = &[
    ("cat", "coreutils"),
    ("java", "default-jre-headless"),
    ("ls", "coreutils"),
    ("node", "nodejs"),
    ("python", "python3"),
    ("sh", "dash"),
];

/// Whose files a program finds.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Place<'a> {
    /// This machine's; the image's are in this folder.
    Machine(&'a Path),
    /// The image's and nothing else.
    Image(Inside<'a>),
}

/// What an image is like for a program that starts in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Inside<'a> {
    /// Its files.
    pub(crate) layers: Layers<'a>,
    /// Where a program starts: [`APP`], or what an image that others made says.
    pub(crate) start: &'a Path,
    /// Where programs are looked up.
    pub(crate) search: &'a str,
    /// Whether it was made here, of a service's `files`.
    pub(crate) is_ours: bool,
}

#[cfg(test)]
impl<'a> Inside<'a> {
    /// Of an image that was made here.
    pub(crate) fn ours(layers: Layers<'a>) -> Self {
        Self { layers, start: Path::new(APP), search: crate::program::PATH, is_ours: true }
    }
}

/// A file that was found.
#[derive(Debug)]
pub(crate) struct Seen {
    /// Where it can be read from here.
    pub(crate) outside: PathBuf,
    /// Of the file that links lead to.
    pub(crate) metadata: Metadata,
    /// The folders that must be passed, nearest first.
    pub(crate) way: Vec<(PathBuf, Metadata)>,
}

impl<'a> Place<'a> {
    /// Where a program starts.
    pub(crate) fn app(self) -> &'a Path {
        match self {
            Self::Machine(app) => app,
            Self::Image(inside) => inside.start,
        }
    }

    /// Where programs are looked up.
    pub(crate) fn search(self) -> &'a str {
        match self {
            Self::Machine(_) => crate::program::PATH,
            Self::Image(inside) => inside.search,
        }
    }

    /// Whether it is an image that others made.
    pub(crate) fn is_foreign(self) -> bool {
        matches!(self, Self::Image(inside) if !inside.is_ours)
    }

    /// How messages call it.
    pub(crate) fn shown(self) -> &'static str {
        match self {
            Self::Machine(_) => "here",
            Self::Image(_) => "in the image",
        }
    }

    /// Whose fault it is that something is not there.
    pub(crate) fn blame(self, message: String) -> Diagnostic {
        match self {
            Self::Machine(_) => Diagnostic::machine(message),
            Self::Image(_) => Diagnostic::user(message),
        }
    }

    /// What to do about something that is not there; `package` is an example of a Debian package that may have it.
    pub(crate) fn help_for_missing(self, machine: String, package: &str) -> String {
        match self {
            Self::Machine(_) => machine,
            Self::Image(inside) if !inside.is_ours => {
                "name a program of the image in `run`, or put it in where the image is built".to_owned()
            }
            Self::Image(_) => {
                let package =
                    PACKAGES.iter().find(|(program, _)| *program == package).map_or(package, |(_, name)| name);
                format!("`base = [\"{package}\"]` puts a Debian package and what it needs into the image")
            }
        }
    }

    /// What a program finds at a path.
    pub(crate) fn find(self, path: &Path) -> io::Result<Seen> {
        match self {
            Self::Machine(_) => {
                let metadata = path.metadata()?;
                let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
                let folders = path.ancestors().skip(1).chain(real.ancestors().skip(1));
                let folders = folders.filter_map(|folder| Some((folder.to_owned(), folder.metadata().ok()?)));
                let way = folders.filter(|(_, metadata)| metadata.is_dir()).collect();
                Ok(Seen { outside: path.to_owned(), metadata, way })
            }
            Self::Image(inside) => {
                let mut found = inside.layers.find(path)?;
                found.way.reverse();
                Ok(Seen { outside: found.outside, metadata: found.metadata, way: found.way })
            }
        }
    }

    /// Whether there is a file at a path.
    pub(crate) fn has_file(self, path: &Path) -> bool {
        self.find(path).is_ok_and(|seen| seen.metadata.is_file())
    }

    /// Some names in a folder, sorted.
    pub(crate) fn names(self, folder: &Path) -> Vec<String> {
        let Ok(seen) = self.find(folder) else { return Vec::new() };
        let entries = seen.outside.read_dir().into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names.truncate(10);
        names
    }

    /// The first of the service's own files of which something is so, by its path inside, and its mode; at most so many
    /// are looked at.
    pub(crate) fn first(self, limit: usize, is_so: &dyn Fn(&Path, &Metadata) -> bool) -> Option<(PathBuf, u32)> {
        let Self::Image(Inside { layers: Layers(layers), start, .. }) = self else { return None };
        let start = start.strip_prefix("/").unwrap_or(start);
        // All of the root is nobody's own.
        if start.as_os_str().is_empty() {
            return None;
        }
        let mut left = limit;
        for layer in layers {
            let mut folders = vec![layer.join(start)];
            while let Some(folder) = folders.pop() {
                for entry in folder.read_dir().into_iter().flatten().flatten() {
                    left = left.checked_sub(1)?;
                    let Ok(metadata) = entry.metadata() else { continue };
                    let path = entry.path();
                    if is_so(&path, &metadata) {
                        let inside = path.strip_prefix(layer).unwrap_or(&path);
                        return Some((Path::new("/").join(inside), metadata.mode() & 0o7777));
                    }
                    if metadata.is_dir() {
                        folders.push(path);
                    }
                }
            }
        }
        None
    }
}
