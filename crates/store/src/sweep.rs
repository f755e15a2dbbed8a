//! Removing blobs that nothing reaches, and what was left half written.

use crate::reach::{Document, Reach, documents};
use crate::{Blobs, Collected, StoreError};
use seaworthy_host::clock;
use seaworthy_model::Digest;
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// The most files that one call removes: the next one goes on.
const REMOVED_MAX: u64 = 100_000;
/// How long an upload, or a blob on its way in, may stand still.
const INCOMING_AGE_MAX: Duration = Duration::from_secs(24 * 3600);

impl Blobs {
    /// Removes the blobs that nothing needs that came in, was used or was asked about within `spare`: what is left of
    /// builds that nobody makes any more. Documents need what they point at.
    ///
    /// # Errors
    /// When something cannot be read or removed.
    pub fn collect_old(&self, spare: Duration) -> Result<Collected, StoreError> {
        let oldest = before(spare);
        let mut reach = Reach::default();
        for digest in documents(self, |digest| !is_older(&self.path(digest), oldest))? {
            // What only looks like a document points at nothing.
            if self.read(&digest).is_ok_and(|bytes| Document::read(&bytes).is_ok()) {
                reach.follow(self, &digest)?;
            }
        }
        reach.follow_referrers(self)?;
        let (blobs, blobs_bytes) = self.retain(&reach.blobs, oldest)?;
        Ok(Collected { blobs, blobs_bytes, layers: reach.layers, images: reach.documents, ..Collected::default() })
    }

    /// Removes every blob that is neither used nor younger than `oldest`, and what was left half written long ago;
    /// returns how many blobs and how many bytes.
    pub(crate) fn retain(&self, used: &BTreeSet<Digest>, oldest: SystemTime) -> Result<(u64, u64), StoreError> {
        let names: BTreeSet<&str> = used.iter().map(Digest::hex).collect();
        let (folder, incoming) = self.folders();
        let removed = self.remove_old(folder, oldest, |name| names.contains(name))?;
        let abandoned = before(INCOMING_AGE_MAX).min(oldest);
        for folder in [incoming, &self.uploads_folder()] {
            self.remove_old(folder, abandoned, |_| false)?;
        }
        Ok(removed)
    }

    fn remove_old(
        &self,
        folder: &Path,
        oldest: SystemTime,
        keep: impl Fn(&str) -> bool,
    ) -> Result<(u64, u64), StoreError> {
        let (mut count, mut size_bytes) = (0, 0);
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((0, 0)),
            Err(error) => return Err(StoreError::io("list", folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(StoreError::io("list", folder))?;
            // A name that is not UTF-8 is no blob.
            let kept = entry.file_name().to_str().is_some_and(&keep);
            let path = entry.path();
            if kept || !is_older(&path, oldest) {
                continue;
            }
            // Its age counts once nobody can make it young any more.
            let _alone = self.alone()?;
            let Ok(metadata) = fs::metadata(&path) else { continue };
            if !is_older(&path, oldest) {
                continue;
            }
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            count += 1;
            size_bytes += metadata.len();
            if count >= REMOVED_MAX {
                break;
            }
        }
        Ok((count, size_bytes))
    }
}

/// What is not there, or cannot be looked at, is not old.
fn is_older(path: &Path, oldest: SystemTime) -> bool {
    fs::metadata(path).and_then(|metadata| metadata.modified()).is_ok_and(|modified| modified < oldest)
}

/// The time that long ago.
pub(crate) fn before(spare: Duration) -> SystemTime {
    let now = clock::now();
    now.checked_sub(spare).unwrap_or(SystemTime::UNIX_EPOCH)
}
