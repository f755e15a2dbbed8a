//! Bytes by their digest: `<root>/blobs/sha256/<hex>`, the layout of OCI images.

use crate::StoreError;
use seaworthy_host::clock;
use seaworthy_model::Digest;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

/// A folder of blobs. A blob is there whole or not at all, and never changes; several processes may write at once.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
    incoming: PathBuf,
}

/// Distinguishes the temporary files of one process.
static NEXT_INCOMING: AtomicU64 = AtomicU64::new(0);

impl Blobs {
    /// Opens the blobs under `<root>/blobs`, making the folders where there are none.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a folder cannot be made.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        let folder = root.join("blobs").join("sha256");
        let incoming = root.join("blobs").join("incoming");
        for path in [&folder, &incoming] {
            fs::create_dir_all(path).map_err(StoreError::io("make the folder", path))?;
        }
        Ok(Self { folder, incoming })
    }

    /// Where a blob lies, or would lie.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(digest.hex())
    }

    /// Whether a blob is here.
    #[must_use]
    pub fn contains(&self, digest: &Digest) -> bool {
        self.path(digest).is_file()
    }

    /// Those of these blobs that are not here. The others are young again, so that garbage collection spares them until
    /// the release that needs them has arrived.
    #[must_use]
    pub fn missing(&self, digests: &[Digest]) -> Vec<Digest> {
        digests.iter().filter(|digest| renew(&self.path(digest)).is_err()).cloned().collect()
    }

    /// Keeps these bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`] when they cannot be written.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if renew(&self.path(&digest)).is_err() {
            let mut incoming = Incoming::create(&self.incoming)?;
            incoming.file.write_all(bytes).map_err(StoreError::io("write", &incoming.path))?;
            incoming.keep(&self.path(&digest))?;
        }
        Ok(digest)
    }

    /// Keeps a copy of a file; returns its digest and its size in bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read or written.
    pub fn put_file(&self, path: &Path) -> Result<(Digest, u64), StoreError> {
        let source = File::open(path).map_err(StoreError::io("open", path))?;
        let mut incoming = Incoming::create(&self.incoming)?;
        let (digest, size_bytes) = incoming.copy(source, path)?;
        if renew(&self.path(&digest)).is_err() {
            incoming.keep(&self.path(&digest))?;
        }
        Ok((digest, size_bytes))
    }

    /// Keeps what `write` writes; returns its digest and its size in bytes. An error of `write` is given back as it is.
    ///
    /// # Errors
    /// Those of `write`, and [`StoreError::Io`]; nothing is left behind then.
    pub fn put_written<E: From<StoreError>>(
        &self,
        write: &mut dyn FnMut(&mut dyn Write) -> Result<(), E>,
    ) -> Result<(Digest, u64), E> {
        let mut incoming = Incoming::create(&self.incoming)?;
        let mut hashed = HashedWriter { file: &mut incoming.file, hash: Sha256::new(), size_bytes: 0 };
        write(&mut hashed)?;
        let (digest, size_bytes) = (digest_of(hashed.hash), hashed.size_bytes);
        if renew(&self.path(&digest)).is_err() {
            incoming.keep(&self.path(&digest))?;
        }
        Ok((digest, size_bytes))
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`] when it is not here, [`StoreError::Io`] when it cannot be opened.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        let path = self.path(digest);
        File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::MissingBlob(digest.clone()),
            _ => StoreError::Io { action: "read", path, source },
        })
    }

    /// Keeps what a stream gives, if its digest is the expected one; returns its size in bytes.
    ///
    /// # Errors
    /// [`StoreError::WrongDigest`], [`StoreError::TooLarge`] (nothing past the limit is written) and
    /// [`StoreError::Io`]; nothing is left behind then.
    pub fn put_stream(&self, expected: &Digest, limit_bytes: u64, stream: impl Read) -> Result<u64, StoreError> {
        let mut incoming = Incoming::create(&self.incoming)?;
        let origin = incoming.path.clone();
        let (actual, size_bytes) = incoming.copy(stream.take(limit_bytes.saturating_add(1)), &origin)?;
        if size_bytes > limit_bytes {
            return Err(StoreError::TooLarge { digest: expected.clone(), limit_bytes });
        }
        if actual != *expected {
            return Err(StoreError::WrongDigest { expected: expected.clone(), actual });
        }
        incoming.keep(&self.path(expected))?;
        Ok(size_bytes)
    }

    /// The bytes of a blob.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`] when it is not here, [`StoreError::Io`] when it cannot be read.
    pub fn read(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.path(digest);
        fs::read(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::MissingBlob(digest.clone()),
            _ => StoreError::Io { action: "read", path, source },
        })
    }

    /// Removes every blob that is neither used nor younger than `oldest`, and what was left half written before that;
    /// returns how many blobs and how many bytes.
    pub(crate) fn retain(&self, used: &BTreeSet<Digest>, oldest: SystemTime) -> Result<(u64, u64), StoreError> {
        let names: BTreeSet<&str> = used.iter().map(Digest::hex).collect();
        let removed = remove_old(&self.folder, oldest, |name| names.contains(name))?;
        remove_old(&self.incoming, oldest, |_| false)?;
        Ok(removed)
    }
}

fn remove_old(folder: &Path, oldest: SystemTime, keep: impl Fn(&str) -> bool) -> Result<(u64, u64), StoreError> {
    let (mut count, mut size_bytes) = (0, 0);
    for entry in fs::read_dir(folder).map_err(StoreError::io("list", folder))? {
        let entry = entry.map_err(StoreError::io("list", folder))?;
        // A name that is not UTF-8 is no blob.
        let kept = entry.file_name().to_str().is_some_and(&keep);
        // Another process may have finished or removed it meanwhile.
        let Ok(metadata) = entry.metadata() else { continue };
        if kept || metadata.modified().map_or(true, |modified| modified >= oldest) {
            continue;
        }
        fs::remove_file(entry.path()).map_err(StoreError::io("remove", &entry.path()))?;
        count += 1;
        size_bytes += metadata.len();
    }
    Ok((count, size_bytes))
}

/// Makes a blob young again: whoever was told that it is here relies on it.
fn renew(path: &Path) -> io::Result<()> {
    File::open(path)?.set_modified(clock::now())
}

fn digest_of(hash: Sha256) -> Digest {
    Digest::try_from(format!("sha256:{}", hex::encode(hash.finalize())))
        .expect("a SHA-256 in hexadecimal digits is a digest")
}

/// Hashes and counts what goes into a file.
struct HashedWriter<'a> {
    file: &'a mut File,
    hash: Sha256,
    size_bytes: u64,
}

impl Write for HashedWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// A blob on its way in; its file goes away unless it is kept.
struct Incoming {
    path: PathBuf,
    file: File,
}

impl Incoming {
    fn create(folder: &Path) -> Result<Self, StoreError> {
        loop {
            let number = NEXT_INCOMING.fetch_add(1, Ordering::Relaxed);
            let path = folder.join(format!("{}-{number}", std::process::id()));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { path, file }),
                // A process that had our id and died left it: take the next number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(StoreError::Io { action: "create", path, source }),
            }
        }
    }

    /// Writes all that `source` gives; `origin` is for messages.
    fn copy(&mut self, mut source: impl Read, origin: &Path) -> Result<(Digest, u64), StoreError> {
        let mut hash = Sha256::new();
        let mut size_bytes = 0;
        let mut buffer = vec![0; 128 * 1024];
        loop {
            let length = match source.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => length,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(StoreError::io("read", origin)(error)),
            };
            hash.update(&buffer[..length]);
            self.file.write_all(&buffer[..length]).map_err(StoreError::io("write", &self.path))?;
            size_bytes += length as u64;
        }
        Ok((digest_of(hash), size_bytes))
    }

    /// Makes it durable, then visible.
    fn keep(self, to: &Path) -> Result<(), StoreError> {
        self.file.sync_all().map_err(StoreError::io("write", &self.path))?;
        fs::rename(&self.path, to).map_err(StoreError::io("write", to))?;
        let folder = to.parent().unwrap_or(to);
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io("write", folder))
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // After `keep` there is nothing to remove any more, which is no matter.
        let _ = fs::remove_file(&self.path);
    }
}
