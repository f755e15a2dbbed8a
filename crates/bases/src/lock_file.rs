//! `seaworthy.lock` in a folder.

use seaworthy_debian::{Lock, LockedBase};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::files;
use seaworthy_model::manifest::LOCK_FILE;
use seaworthy_model::{Digest, ImageName};
use seaworthy_pull::LockedImages;
use std::path::{Path, PathBuf};

/// The section with the digests of images.
const IMAGES: &str = "images";

/// A lock and the file that it is in.
pub(crate) struct LockFile {
    path: PathBuf,
    lock: Lock,
}

impl LockFile {
    /// The lock in a folder; an empty one where there is no file.
    pub(crate) fn read(folder: &Path) -> Result<Self, Diagnostic> {
        let path = folder.join(LOCK_FILE);
        let lock = match files::read(&path) {
            Ok(bytes) => Lock::parse(&String::from_utf8_lossy(&bytes))?,
            Err(error) if error.is_not_found() => Lock::default(),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { path, lock })
    }

    /// What these packages are locked to.
    pub(crate) fn base(&self, packages: &[String], suite: Option<&str>, architecture: &str) -> Option<&LockedBase> {
        self.lock.entry(packages, suite, architecture)
    }

    /// Every base that it names.
    pub(crate) fn bases(&self) -> &[LockedBase] {
        self.lock.bases()
    }

    /// Whether it says anything.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock == Lock::default()
    }

    /// All that it says.
    pub(crate) fn text(&self) -> String {
        self.lock.to_text()
    }

    /// Writes a base into the file.
    pub(crate) fn set(&mut self, base: LockedBase) -> Result<(), Diagnostic> {
        self.lock.set(base);
        Ok(files::write_atomic(&self.path, self.lock.to_text().as_bytes(), 0o644)?)
    }

    /// What names of images are locked to.
    pub(crate) fn images(&self) -> Result<LockedImages, Diagnostic> {
        Ok(self.lock.section(IMAGES).map(LockedImages::from_table).transpose()?.unwrap_or_default())
    }

    /// Writes what the name of an image means into the file.
    pub(crate) fn set_image(&mut self, image: &ImageName, digest: Digest) -> Result<(), Diagnostic> {
        let mut images = self.images()?;
        images.set(image, digest);
        self.lock.set_section(IMAGES, images.to_table());
        Ok(files::write_atomic(&self.path, self.lock.to_text().as_bytes(), 0o644)?)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}
