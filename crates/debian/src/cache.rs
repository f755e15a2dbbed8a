//! Files from archives on this machine's disk, by their SHA-256: whole and checked, or not there.

use crate::error::Error;
use crate::network::{Network, Sink};
use crate::trust::release::Sum;
use seaworthy_host::files::{self, FileError};
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tempfile::NamedTempFile;

/// The beginning of the names of what is not whole yet.
pub(crate) const PARTIAL: &str = ".partial-";

/// Where they lie: `indexes/SHA256`, `packages/SHA256.deb`, `unpacked/1/SHA256/`.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    root: PathBuf,
}

impl Cache {
    pub(crate) fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    pub(crate) fn index(&self, sum: &Sum) -> PathBuf {
        self.root.join("indexes").join(&sum.sha256)
    }

    pub(crate) fn package(&self, sha256: &str) -> PathBuf {
        self.root.join("packages").join(format!("{sha256}.deb"))
    }

    /// `1` is the form of what is unpacked.
    pub(crate) fn unpacked(&self, sha256: &str) -> PathBuf {
        self.root.join("unpacked/1").join(sha256)
    }

    /// Removes what a process that was killed left behind, a day later.
    pub(crate) fn sweep(&self, now: SystemTime) {
        for folder in ["indexes", "packages", "unpacked/1"] {
            let Ok(entries) = std::fs::read_dir(self.root.join(folder)) else { continue };
            for entry in entries.flatten() {
                let is_partial = entry.file_name().as_encoded_bytes().starts_with(PARTIAL.as_bytes());
                let changed = entry.metadata().and_then(|metadata| metadata.modified());
                let age = changed.ok().and_then(|changed| now.duration_since(changed).ok()).unwrap_or_default();
                if is_partial && age > Duration::from_secs(24 * 60 * 60) {
                    let _ = files::remove_tree(&entry.path());
                }
            }
        }
    }

    /// A whole file: the one that is there, if it is right, or the first of the addresses that has it.
    pub(crate) fn file(
        &self,
        path: &Path,
        sum: &Sum,
        urls: &[String],
        network: &Network,
        progress: &dyn Fn(u64),
    ) -> Result<PathBuf, Error> {
        if is_whole(path, sum)? {
            return Ok(path.to_owned());
        }
        let folder = path.parent().unwrap_or(Path::new("."));
        files::create_directory(folder, 0o755)?;
        let mut failure = None;
        for url in urls {
            let mut partial = Partial::new(folder, progress)?;
            match network.fetch(url, sum.size, &mut partial).and_then(|()| partial.keep(path, sum, url)) {
                Ok(()) => return Ok(path.to_owned()),
                // An answer says more than a file that is not there.
                Err(error) if failure.is_none() || !is_missing(&error) => failure = Some(error),
                Err(_) => {}
            }
        }
        Err(failure.unwrap_or(Error::NoSources))
    }
}

pub(crate) fn is_missing(error: &Error) -> bool {
    matches!(error, Error::Fetch { missing: true, .. })
}

/// Whether a file is there and right; one that is wrong is removed.
fn is_whole(path: &Path, sum: &Sum) -> Result<bool, Error> {
    let fail = |source| FileError::new("read", path, source);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(fail(error).into()),
    };
    if file.metadata().map_err(fail)?.len() == sum.size && sha256(&mut file).map_err(fail)? == sum.sha256 {
        return Ok(true);
    }
    files::remove_tree(path)?;
    Ok(false)
}

fn sha256(reader: &mut impl Read) -> io::Result<String> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex::encode(hash.finalize())),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// A file that is being fetched.
struct Partial<'a> {
    file: NamedTempFile,
    hash: Sha256,
    length: u64,
    progress: &'a dyn Fn(u64),
}

impl<'a> Partial<'a> {
    fn new(folder: &Path, progress: &'a dyn Fn(u64)) -> Result<Self, Error> {
        let file = tempfile::Builder::new().prefix(PARTIAL).tempfile_in(folder);
        let file = file.map_err(|error| FileError::new("write in", folder, error))?;
        Ok(Self { file, hash: Sha256::new(), length: 0, progress })
    }

    /// Gives it its name, if it is what was promised.
    fn keep(self, path: &Path, sum: &Sum, url: &str) -> Result<(), Error> {
        let got = hex::encode(self.hash.finalize());
        let what = crate::mirror::shown(url);
        if self.length != sum.size {
            return Err(Error::Mismatch { what, detail: format!("{} bytes, not {}", self.length, sum.size) });
        }
        if got != sum.sha256 {
            return Err(Error::Mismatch { what, detail: format!("SHA-256 `{got}`, not `{}`", sum.sha256) });
        }
        let fail = |source| FileError::new("write", path, source);
        self.file.as_file().sync_all().map_err(fail)?;
        self.file.persist(path).map_err(|error| fail(error.error))?;
        files::sync_directory(path.parent().unwrap_or(Path::new(".")))?;
        Ok(())
    }
}

impl Write for Partial<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.file.write(bytes)?;
        self.hash.update(&bytes[..length]);
        self.length += length as u64;
        (self.progress)(self.length);
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Sink for Partial<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.file.as_file().set_len(0)?;
        self.file.seek(SeekFrom::Start(0))?;
        (self.hash, self.length) = (Sha256::new(), 0);
        Ok(())
    }
}
