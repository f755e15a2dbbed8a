//! What files hold, known from before for as long as nobody touched them: reading is what takes time in a large source.

use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::{clock, files};
use seaworthy_model::Digest;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// A file that was changed less long ago may change again without its times telling.
const SETTLED_AFTER: Duration = Duration::from_secs(2);
/// How many files are remembered.
const FILES_MAX: usize = 500_000;

/// The files of one source, by path.
pub(crate) struct Stamps {
    /// Where they are kept.
    file: PathBuf,
    known: HashMap<PathBuf, Stamp>,
    /// Those that were looked at now.
    seen: Mutex<HashMap<PathBuf, Stamp>>,
    has_new: AtomicBool,
}

/// How a file looked when it was read. Its change time cannot be set by anybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    bytes: u64,
    inode: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    content: String,
}

impl Stamps {
    /// Those of the source below a folder; what cannot be read counts as not there.
    pub(crate) fn open(cache: &Path, scope: &Path) -> Self {
        let name = Digest::of(scope.as_os_str().as_encoded_bytes()).short().to_owned();
        let file = cache.join("stamps").join(format!("{name}.json"));
        let bytes = files::read_if_there(&file).ok().flatten();
        let known = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { file, known, seen: Mutex::default(), has_new: AtomicBool::new(false) }
    }

    /// What a file holds; read only if it may have changed.
    pub(crate) fn content(
        &self,
        path: &Path,
        metadata: &Metadata,
        read: impl FnOnce(&Path) -> Result<String, Diagnostic>,
    ) -> Result<String, Diagnostic> {
        let as_it_looks = |content: String| Stamp {
            bytes: metadata.len(),
            inode: metadata.ino(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            content,
        };
        if let Some(known) = self.known.get(path).filter(|known| **known == as_it_looks(known.content.clone())) {
            self.see(path, known.clone());
            return Ok(known.content.clone());
        }
        let content = read(path)?;
        if is_settled(metadata) {
            self.has_new.store(true, Ordering::Relaxed);
            self.see(path, as_it_looks(content.clone()));
        }
        Ok(content)
    }

    fn see(&self, path: &Path, stamp: Stamp) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() < FILES_MAX {
            seen.insert(path.to_owned(), stamp);
        }
    }

    /// Keeps what is new. Whoever cannot reads again the next time.
    pub(crate) fn save(&self) {
        if self.has_new.load(Ordering::Relaxed) {
            let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            let folder = self.file.parent().unwrap_or(Path::new("."));
            let bytes = serde_json::to_vec(&*seen).unwrap_or_default();
            let _ =
                files::create_directory(folder, 0o700).and_then(|()| files::write_volatile(&self.file, &bytes, 0o600));
        }
    }
}

fn is_settled(metadata: &Metadata) -> bool {
    let changed = u64::try_from(metadata.ctime()).unwrap_or(u64::MAX);
    let now = clock::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.checked_sub(Duration::from_secs(changed)).is_some_and(|age| age > SETTLED_AFTER)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn settled(path: &Path) {
        let until = Instant::now() + Duration::from_secs(20);
        while !is_settled(&path.metadata().unwrap()) {
            assert!(Instant::now() < until);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn look(stamps: &Stamps, path: &Path) -> (String, bool) {
        let mut read = false;
        let content = stamps.content(path, &path.metadata().unwrap(), |path| {
            read = true;
            Ok(String::from_utf8(files::read(path)?).unwrap())
        });
        (content.unwrap(), read)
    }

    #[test]
    fn a_file_is_read_again_when_anything_about_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        let (cache, path) = (folder.path().join("cache"), folder.path().join("file"));
        files::write_atomic(&path, b"one", 0o644).unwrap();
        let first = Stamps::open(&cache, folder.path());
        assert_eq!(look(&first, &path), ("one".to_owned(), true));
        first.save();
        let young = Stamps::open(&cache, folder.path());
        assert_eq!(look(&young, &path), ("one".to_owned(), true), "it may still change without being seen");
        settled(&path);
        let second = Stamps::open(&cache, folder.path());
        assert_eq!(look(&second, &path), ("one".to_owned(), true));
        second.save();
        let third = Stamps::open(&cache, folder.path());
        assert_eq!(look(&third, &path), ("one".to_owned(), false));
        // The same length and the same modification time: as somebody who hides a change would leave it.
        let before = path.metadata().unwrap().modified().unwrap();
        let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
        std::io::Write::write_all(&mut &file, b"two").unwrap();
        file.set_modified(before).unwrap();
        drop(file);
        let fourth = Stamps::open(&cache, folder.path());
        assert_eq!(look(&fourth, &path), ("two".to_owned(), true));
    }
}
