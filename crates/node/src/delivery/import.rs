//! Taking a release out of the folders of builds. Whatever lies there was written by somebody else's programs: no link
//! is followed, nothing but plain files is read, every digest is looked at again.

use super::area::{Area, unreadable};
use super::check::full;
use crate::Node;
use seaworthy_diagnostics::Diagnostic;
use seaworthy_model::release::ReleaseBundle;
use seaworthy_model::{Digest, Name};
use seaworthy_store::StoreError;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Component, Path};

/// The file in which a check leaves its release.
pub(super) const BUNDLE: &str = "bundle.json";
/// The largest of these, in bytes.
const BUNDLE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// The largest blob.
const BLOB_BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// What a release must be of.
pub(super) struct Wanted {
    pub(super) app: Name,
    pub(super) commit: String,
    /// The manifest's path in the repository.
    pub(super) manifest: String,
}

/// Takes the release and every blob that it needs into the node's store. Builds cannot replace the folders `out` and
/// `home`, only what is in them.
pub(super) fn import(node: &Node, out: &Path, home: &Path, wanted: &Wanted) -> Result<ReleaseBundle, Diagnostic> {
    let mut text = Vec::new();
    let file = open(out, Path::new(BUNDLE)).map_err(|error| unreadable(&out.join(BUNDLE), error))?;
    let read = file.take(BUNDLE_BYTES_MAX + 1).read_to_end(&mut text);
    read.map_err(|error| unreadable(&out.join(BUNDLE), error))?;
    if text.len() as u64 > BUNDLE_BYTES_MAX {
        return Err(odd("it is too large"));
    }
    let bundle: ReleaseBundle = serde_json::from_slice(&text).map_err(|error| odd(&error.to_string()))?;
    is_wanted(&bundle, wanted)?;
    let mut digests: Vec<Digest> = bundle.release.blobs().chain(bundle.manifests()).cloned().collect();
    take(node, home, &digests)?;
    let manifests: Vec<Digest> = bundle.manifests().cloned().collect();
    for manifest in &manifests {
        digests = node.blobs.references(manifest)?.into_iter().collect();
        take(node, home, &digests)?;
    }
    Ok(bundle)
}

fn is_wanted(bundle: &ReleaseBundle, wanted: &Wanted) -> Result<(), Diagnostic> {
    let provenance = &bundle.provenance;
    if bundle.release.app != wanted.app {
        let error = Diagnostic::user(format!("the manifest is of `{}`, not of `{}`", bundle.release.app, wanted.app));
        return Err(error.help("an app that is followed keeps its name; deploy the new one by hand once"));
    }
    if provenance.commit.as_deref() != Some(wanted.commit.as_str()) || provenance.dirty {
        return Err(odd("it is not of the commit"));
    }
    if provenance.source.rsplit_once(':').map(|(_, path)| path) != Some(wanted.manifest.as_str()) {
        return Err(odd("it is not of the manifest that is followed"));
    }
    if provenance.platform != crate::node::platform() {
        return Err(odd("it is for another platform"));
    }
    Ok(())
}

fn odd(why: &str) -> Diagnostic {
    Diagnostic::user(format!("what the check left is not the release of the commit: {why}"))
        .help("does a build or a test write into Seaworthy's own folders?")
}

fn take(node: &Node, home: &Path, digests: &[Digest]) -> Result<(), Diagnostic> {
    for digest in node.blobs.missing(digests) {
        let path = Path::new("seaworthy/builds/blobs/sha256").join(digest.hex());
        let file = open(home, &path).map_err(|error| unreadable(&home.join(&path), error))?;
        let size = file.metadata().map_err(|error| unreadable(&home.join(&path), error))?.len();
        if Area::is_short(home, size) {
            return Err(full(home));
        }
        match node.blobs.put_stream(&digest, BLOB_BYTES_MAX, file) {
            Ok(_) => {}
            Err(error @ (StoreError::WrongDigest { .. } | StoreError::TooLarge { .. })) => {
                return Err(odd(&error.to_string()));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Opens a plain file below a folder that only the node can replace, part by part, through no link.
#[cfg(target_os = "linux")]
fn open(trusted: &Path, path: &Path) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, openat};
    use std::os::unix::fs::MetadataExt as _;
    let base = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let (mut at, mut parts) = (File::open(trusted)?, Vec::new());
    for component in path.components() {
        match component {
            Component::Normal(part) => parts.push(part.to_owned()),
            _ => return Err(io::ErrorKind::InvalidInput.into()),
        }
    }
    let Some(name) = parts.pop() else { return Err(io::ErrorKind::InvalidInput.into()) };
    for part in parts {
        at = File::from(openat(&at, &part, base | OFlags::DIRECTORY, Mode::empty())?);
    }
    // A pipe would wait for somebody who writes.
    let file = File::from(openat(&at, &name, base | OFlags::NONBLOCK, Mode::empty())?);
    let metadata = file.metadata()?;
    if metadata.is_file() && metadata.nlink() == 1 {
        return Ok(file);
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, "it is no plain file of its own"))
}

#[cfg(not(target_os = "linux"))]
fn open(trusted: &Path, path: &Path) -> io::Result<File> {
    let _ = Component::CurDir;
    File::open(trusted.join(path))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_plain_files_are_opened_and_no_link_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(base.join("real/inner")).unwrap();
        seaworthy_host::files::write_atomic(&base.join("real/inner/file"), b"x", 0o644).unwrap();
        assert!(open(&base, Path::new("real/inner/file")).is_ok());
        symlink(base.join("real/inner/file"), base.join("real/link")).unwrap();
        symlink(base.join("real"), base.join("folder")).unwrap();
        nix::unistd::mkfifo(&base.join("pipe"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        for path in ["real/link", "folder/inner/file", "pipe", "real", "missing", "real/../real/inner/file"] {
            assert!(open(&base, Path::new(path)).is_err(), "{path}");
        }
        std::fs::hard_link(base.join("real/inner/file"), base.join("second")).unwrap();
        assert!(open(&base, Path::new("second")).is_err());
    }
}
