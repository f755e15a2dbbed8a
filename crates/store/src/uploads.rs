//! Blobs that arrive in pieces, as registries take them: a file each, which survives the process that was writing it.

use crate::blobs::Incoming;
use crate::{Blobs, StoreError};
use rand::Rng as _;
use seaworthy_model::Digest;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// The most uploads at one time, finished by nobody or not.
pub const UPLOADS_MAX: usize = 64;

/// Uploads into the blobs of one store.
#[derive(Debug, Clone)]
pub struct Uploads {
    folder: PathBuf,
    blobs: Blobs,
}

/// What can go wrong with an upload.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// There is none of this name.
    #[error("there is no such upload")]
    Unknown,
    /// A piece that does not begin where the last one ended; nothing of it was taken.
    #[error("the upload stands at byte {length_bytes}")]
    OutOfOrder {
        /// What is there.
        length_bytes: u64,
    },
    /// Another call is writing to it.
    #[error("another call is writing to this upload")]
    Busy,
    /// Too many at one time.
    #[error("{UPLOADS_MAX} uploads are under way, which is the most")]
    TooMany,
    /// Larger than a blob may be; what was there before is still there.
    #[error("a blob may have {limit_bytes} bytes at most")]
    TooLarge {
        /// The most.
        limit_bytes: u64,
    },
    /// The whole is not what was announced; the upload is gone.
    #[error("the upload is `{actual}`, not `{expected}`")]
    WrongDigest {
        /// What was announced.
        expected: Digest,
        /// What came.
        actual: Digest,
    },
    /// The sender broke off; what came is kept.
    #[error("the sender broke off")]
    Interrupted(#[source] io::Error),
    /// The store said no. What was there before is still there.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Uploads {
    /// The uploads under `<root>/blobs/uploads`, beside the blobs that they become.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(blobs: &Blobs) -> Result<Self, StoreError> {
        let folder = blobs.uploads_folder();
        fs::create_dir_all(&folder).map_err(StoreError::io("make the folder", &folder))?;
        Ok(Self { folder, blobs: blobs.clone() })
    }

    /// Begins one; returns its name: 32 hexadecimal digits that nobody can guess.
    ///
    /// # Errors
    /// [`UploadError::TooMany`], or when it cannot be written.
    pub fn begin(&self) -> Result<String, UploadError> {
        let entries = fs::read_dir(&self.folder).map_err(StoreError::io("list", &self.folder))?;
        if entries.count() >= UPLOADS_MAX {
            return Err(UploadError::TooMany);
        }
        let id = format!("{:032x}", rand::rng().random::<u128>());
        let path = self.folder.join(&id);
        let created = OpenOptions::new().write(true).create_new(true).open(&path);
        created.map_err(StoreError::io("create", &path))?;
        Ok(id)
    }

    /// How many bytes of it are here.
    ///
    /// # Errors
    /// [`UploadError::Unknown`].
    pub fn length_bytes(&self, id: &str) -> Result<u64, UploadError> {
        let (file, path) = self.existing(id)?;
        Ok(file.metadata().map_err(StoreError::io("read", &path))?.len())
    }

    /// Adds a piece; returns how many bytes there are then. A piece whose first byte's place is not given follows what
    /// is there.
    ///
    /// # Errors
    /// [`UploadError`]; each says what is kept.
    pub fn append(
        &self,
        id: &str,
        first_byte: Option<u64>,
        limit_bytes: u64,
        piece: impl Read,
    ) -> Result<u64, UploadError> {
        let (mut file, path) = self.locked(id)?;
        let before = file.seek(SeekFrom::End(0)).map_err(StoreError::io("read", &path))?;
        if first_byte.is_some_and(|first| first != before) {
            return Err(UploadError::OutOfOrder { length_bytes: before });
        }
        let added = copy(&mut file, &path, piece, limit_bytes.saturating_sub(before), limit_bytes);
        // A sender that breaks off goes on where it was; what failed here gives its space back.
        if let Err(UploadError::Store(_) | UploadError::TooLarge { .. }) = added {
            let _ = file.set_len(before);
        }
        Ok(before + added?)
    }

    /// Makes it a blob, if it is the expected one; returns its size in bytes.
    ///
    /// # Errors
    /// [`UploadError`]: it is gone, unless another call was writing to it ([`UploadError::Busy`]).
    pub fn finish(&self, id: &str, expected: &Digest) -> Result<u64, UploadError> {
        let (mut file, path) = self.locked(id)?;
        file.rewind().map_err(StoreError::io("read", &path))?;
        let (actual, size_bytes) = crate::blobs::digest_of(&mut file, &path)?;
        if actual != *expected {
            fs::remove_file(&path).map_err(StoreError::io("remove", &path))?;
            return Err(UploadError::WrongDigest { expected: expected.clone(), actual });
        }
        self.blobs.adopt(&Incoming { path, file }, expected)?;
        Ok(size_bytes)
    }

    /// Forgets it.
    ///
    /// # Errors
    /// [`UploadError::Unknown`], [`UploadError::Busy`].
    pub fn cancel(&self, id: &str) -> Result<(), UploadError> {
        let (_file, path) = self.locked(id)?;
        Ok(fs::remove_file(&path).map_err(StoreError::io("remove", &path))?)
    }

    /// Opens it for whoever gets it first.
    fn locked(&self, id: &str) -> Result<(File, PathBuf), UploadError> {
        let (file, path) = self.existing(id)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(UploadError::Busy),
            Err(TryLockError::Error(error)) => return Err(StoreError::io("lock", &path)(error).into()),
        }
        // Whoever had it before may have finished it meanwhile: then the name is gone, or another file's.
        if path.is_file() { Ok((file, path)) } else { Err(UploadError::Unknown) }
    }

    fn existing(&self, id: &str) -> Result<(File, PathBuf), UploadError> {
        if id.len() != 32 || !id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(UploadError::Unknown);
        }
        let path = self.folder.join(id);
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => Ok((file, path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(UploadError::Unknown),
            Err(error) => Err(StoreError::io("open", &path)(error).into()),
        }
    }
}

/// Writes what the piece gives; returns how many bytes.
fn copy(
    file: &mut File,
    path: &Path,
    mut piece: impl Read,
    room_bytes: u64,
    limit_bytes: u64,
) -> Result<u64, UploadError> {
    let mut added = 0;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let length = match piece.read(&mut buffer) {
            Ok(0) => return Ok(added),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(UploadError::Interrupted(error)),
        };
        added += length as u64;
        if added > room_bytes {
            return Err(UploadError::TooLarge { limit_bytes });
        }
        file.write_all(&buffer[..length]).map_err(StoreError::io("write", path))?;
    }
}
