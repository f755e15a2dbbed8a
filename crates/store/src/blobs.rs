//! Bytes by their digest: `<root>/blobs/sha256/<hex>`, the layout of OCI images.

use crate::StoreError;
use seaworthy_host::clock;
use seaworthy_model::Digest;
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// A folder of blobs. A blob is there whole or not at all, and never changes; several processes may write at once.
#[derive(Debug, Clone)]
pub struct Blobs {
    folder: PathBuf,
    incoming: PathBuf,
    /// Held shared by whoever makes a blob young or puts one in its place, alone by whoever removes one: nobody is told
    /// of a blob that goes away a moment later.
    gate: PathBuf,
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
        let gate = root.join("blobs").join("lock");
        let blobs = Self { folder, incoming, gate };
        // Made while there is space; where nothing can be written, nothing is removed either.
        let _ = blobs.open_gate();
        Ok(blobs)
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
        digests.iter().filter(|digest| !self.renew(digest)).cloned().collect()
    }

    /// Whether a blob is here; it is young again then, so that garbage collection spares it.
    #[must_use]
    pub fn renew(&self, digest: &Digest) -> bool {
        let renewed = self.shared().and_then(|_gate| {
            let path = self.path(digest);
            let file = File::open(&path).map_err(StoreError::io("open", &path))?;
            file.set_modified(clock::now()).map_err(StoreError::io("write", &path))
        });
        renewed.is_ok()
    }

    /// Keeps these bytes.
    ///
    /// # Errors
    /// [`StoreError::Io`] when they cannot be written.
    pub fn put_bytes(&self, bytes: &[u8]) -> Result<Digest, StoreError> {
        let digest = Digest::of(bytes);
        if !self.renew(&digest) {
            let mut incoming = Incoming::create(&self.incoming)?;
            incoming.file.write_all(bytes).map_err(StoreError::io("write", &incoming.path))?;
            self.adopt(&incoming, &digest)?;
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
        if !self.renew(&digest) {
            self.adopt(&incoming, &digest)?;
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
        let (digest, size_bytes) = (named(hashed.hash), hashed.size_bytes);
        if !self.renew(&digest) {
            self.adopt(&incoming, &digest)?;
        }
        Ok((digest, size_bytes))
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
        self.adopt(&incoming, expected)?;
        Ok(size_bytes)
    }

    /// A blob to read from, and its size in bytes.
    ///
    /// # Errors
    /// [`StoreError::MissingBlob`] when it is not here, [`StoreError::Io`] when it cannot be opened.
    pub fn open_blob(&self, digest: &Digest) -> Result<(File, u64), StoreError> {
        let path = self.path(digest);
        let file = File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::MissingBlob(digest.clone()),
            _ => StoreError::Io { action: "open", path: path.clone(), source },
        })?;
        let size_bytes = file.metadata().map_err(StoreError::io("read", &path))?.len();
        Ok((file, size_bytes))
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

    /// Puts what has come in, and has this digest, in its place.
    pub(crate) fn adopt(&self, incoming: &Incoming, digest: &Digest) -> Result<(), StoreError> {
        incoming.file.sync_all().map_err(StoreError::io("write", &incoming.path))?;
        incoming.file.set_modified(clock::now()).map_err(StoreError::io("write", &incoming.path))?;
        let to = self.path(digest);
        let _gate = self.shared()?;
        fs::rename(&incoming.path, &to).map_err(StoreError::io("write", &to))?;
        let folder = &self.folder;
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(StoreError::io("write", folder))
    }

    /// Where uploads lie.
    pub(crate) fn uploads_folder(&self) -> PathBuf {
        self.incoming.with_file_name("uploads")
    }

    /// The folder of the blobs, and that of what is being written.
    pub(crate) fn folders(&self) -> (&Path, &Path) {
        (&self.folder, &self.incoming)
    }

    /// While this is held, no blob is removed.
    fn shared(&self) -> Result<File, StoreError> {
        let file = self.open_gate()?;
        file.lock_shared().map_err(StoreError::io("lock", &self.gate))?;
        Ok(file)
    }

    /// While this is held, no blob becomes young and none comes in.
    pub(crate) fn alone(&self) -> Result<File, StoreError> {
        let file = self.open_gate()?;
        file.lock().map_err(StoreError::io("lock", &self.gate))?;
        Ok(file)
    }

    fn open_gate(&self) -> Result<File, StoreError> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(&self.gate).map_err(StoreError::io("open", &self.gate))
    }
}

fn named(hash: Sha256) -> Digest {
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
pub(crate) struct Incoming {
    pub(crate) path: PathBuf,
    pub(crate) file: File,
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
    fn copy(&mut self, source: impl Read, origin: &Path) -> Result<(Digest, u64), StoreError> {
        pass_on(source, origin, |piece| self.file.write_all(piece).map_err(StoreError::io("write", &self.path)))
    }
}

/// The digest and the size in bytes of what a file has from where it stands.
pub(crate) fn digest_of(file: &mut File, path: &Path) -> Result<(Digest, u64), StoreError> {
    pass_on(file, path, |_| Ok(()))
}

/// Gives all that `source` has to `take`, piece by piece; returns its digest and its size in bytes.
fn pass_on(
    mut source: impl Read,
    origin: &Path,
    mut take: impl FnMut(&[u8]) -> Result<(), StoreError>,
) -> Result<(Digest, u64), StoreError> {
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
        take(&buffer[..length])?;
        size_bytes += length as u64;
    }
    Ok((named(hash), size_bytes))
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // In its place, there is nothing to remove any more, which is no matter.
        let _ = fs::remove_file(&self.path);
    }
}
