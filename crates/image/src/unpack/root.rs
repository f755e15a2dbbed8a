//! Paths in a folder as if it were the root: links on the way are followed, and never lead out.

use crate::ImageError;
use seaworthy_host::files::{self, FileError};
use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};

/// Links on the way of one path (as Linux has it).
const LINKS_MAX: usize = 40;

/// A folder that nobody else writes to meanwhile.
pub(super) struct Root {
    folder: PathBuf,
    /// The folder that was found last, and by which path: most entries lie beside the one before.
    last: Option<(String, PathBuf)>,
}

impl Root {
    pub(super) fn new(folder: &Path) -> Result<Self, ImageError> {
        let folder = folder.canonicalize().map_err(|error| FileError::new("read", folder, error))?;
        Ok(Self { folder, last: None })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// To be called when a folder or a link was replaced.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// The place of an entry, whose folder is there afterwards, as a path without links but perhaps for its last part.
    pub(super) fn place(&mut self, path: &str) -> Result<PathBuf, ImageError> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        match &self.last {
            Some((known, folder)) if known == above => Ok(folder.join(name)),
            _ => {
                let folder = self.walk(above, true)?.ok_or_else(|| leads_nowhere(path))?;
                self.last = Some((above.to_owned(), folder.clone()));
                Ok(folder.join(name))
            }
        }
    }

    /// The place of an entry whose folder is there already; `None` where it is not.
    pub(super) fn find(&self, path: &str) -> Result<Option<PathBuf>, ImageError> {
        let (above, name) = path.rsplit_once('/').unwrap_or(("", path));
        Ok(self.walk(above, false)?.map(|folder| folder.join(name)))
    }

    /// A folder by its path, made where it is missing if `make` says so.
    fn walk(&self, path: &str, make: bool) -> Result<Option<PathBuf>, ImageError> {
        let mut waiting: VecDeque<String> = path.split('/').map(str::to_owned).collect();
        let mut at = self.folder.clone();
        let mut links = 0;
        while let Some(part) = waiting.pop_front() {
            match part.as_str() {
                "" | "." => continue,
                ".." => {
                    if at != self.folder {
                        at.pop();
                    }
                    continue;
                }
                name => at.push(name),
            }
            let metadata = match fs::symlink_metadata(&at) {
                Ok(metadata) => metadata,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    if !make {
                        return Ok(None);
                    }
                    files::create_directory(&at, 0o755)?;
                    continue;
                }
                Err(error) => return Err(FileError::new("read", &at, error).into()),
            };
            if metadata.is_dir() {
                continue;
            }
            if !metadata.is_symlink() {
                return if make { Err(leads_nowhere(path)) } else { Ok(None) };
            }
            links += 1;
            let to = fs::read_link(&at).map_err(|error| FileError::new("read", &at, error))?;
            let to = to.to_str().filter(|_| links <= LINKS_MAX).ok_or_else(|| leads_nowhere(path))?;
            at = if to.starts_with('/') { self.folder.clone() } else { at.parent().unwrap_or(&at).to_owned() };
            for part in to.split('/').rev() {
                waiting.push_front(part.to_owned());
            }
        }
        Ok(Some(at))
    }
}

fn leads_nowhere(path: &str) -> ImageError {
    ImageError::Archive { why: format!("what is above `{path}` is no folder") }
}
