//! From an image's digest to files: a private copy, the service's own.

use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::files::{self, FileError};
use seaworthy_model::Digest;
use seaworthy_model::release::{FileEntry, FileTree};
use seaworthy_store::blobs::Blobs;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Component, Path, PathBuf};

/// Puts an image's files into `app`, replacing what was there; copies, never links to the blobs: an instance that
/// writes into its own folder changes nothing of anybody else's.
pub(crate) fn materialise(blobs: &Blobs, image: &Digest, app: &Path, user: Option<u32>) -> Result<(), Diagnostic> {
    let bytes = blobs.read(image)?;
    let tree: FileTree = serde_json::from_slice(&bytes).map_err(|error| damaged(image, &error.to_string()))?;
    let draft = app.with_extension("new");
    files::remove_tree(&draft)?;
    make_folder(&draft, user)?;
    for (path, entry) in &tree.entries {
        let inside = inside(&draft, path).ok_or_else(|| damaged(image, &format!("it leads outside by `{path}`")))?;
        make_parents(&draft, &inside, user)?;
        write(blobs, entry, &draft, &inside, user).map_err(|problem| match problem {
            Problem::Machine(diagnostic) => *diagnostic,
            Problem::Image(why) => damaged(image, &format!("`{path}` {why}")),
        })?;
    }
    files::remove_tree(app)?;
    fs::rename(&draft, app).map_err(|error| FileError::new("make", app, error))?;
    Ok(())
}

enum Problem {
    Machine(Box<Diagnostic>),
    Image(String),
}

impl<E: Into<Diagnostic>> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::Machine(Box::new(error.into()))
    }
}

fn damaged(image: &Digest, why: &str) -> Diagnostic {
    Diagnostic::new(Fault::Machine, format!("the image `{}` cannot be used: {why}", image.short()))
        .help("build it again and deploy that: what is damaged or missing is sent again")
}

/// The path below `root`; `None` for one that leads elsewhere.
fn inside(root: &Path, path: &str) -> Option<PathBuf> {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    (plain && !path.is_empty()).then(|| root.join(path))
}

fn write(blobs: &Blobs, entry: &FileEntry, root: &Path, path: &Path, user: Option<u32>) -> Result<(), Problem> {
    match entry {
        FileEntry::Directory => make_folder(path, user)?,
        FileEntry::Link { to } => {
            let folder = path.parent().and_then(|parent| parent.strip_prefix(root).ok()).unwrap_or(Path::new(""));
            if !stays_inside(folder, Path::new(to)) {
                return Err(Problem::Image(format!("is a link to `{to}`, outside of it")));
            }
            symlink(to, path).map_err(|error| FileError::new("link", path, error))?;
            own(path, user)?;
        }
        FileEntry::File { digest, size_bytes, executable } => {
            if !blobs.contains(digest) {
                return Err(Problem::Image(format!("is missing (blob `{}`)", digest.short())));
            }
            let copied = fs::copy(blobs.path(digest), path).map_err(|error| FileError::new("write", path, error))?;
            if copied != *size_bytes {
                return Err(Problem::Image(format!("has {copied} bytes instead of {size_bytes}")));
            }
            files::set_mode(path, if *executable { 0o755 } else { 0o644 })?;
            own(path, user)?;
        }
    }
    Ok(())
}

/// Whether a link in `folder` (relative to the root) leads to something below the root.
fn stays_inside(folder: &Path, to: &Path) -> bool {
    let mut depth = folder.components().count();
    to.components().all(|part| match part {
        Component::Normal(_) => {
            depth += 1;
            true
        }
        Component::CurDir => true,
        Component::ParentDir => {
            let inside = depth > 0;
            depth = depth.saturating_sub(1);
            inside
        }
        Component::RootDir | Component::Prefix(_) => false,
    })
}

fn make_parents(root: &Path, path: &Path, user: Option<u32>) -> Result<(), FileError> {
    let missing = path.ancestors().skip(1).take_while(|folder| *folder != root && !folder.is_dir());
    let missing: Vec<&Path> = missing.collect();
    missing.into_iter().rev().try_for_each(|folder| make_folder(folder, user))
}

fn make_folder(path: &Path, user: Option<u32>) -> Result<(), FileError> {
    files::create_directory(path, 0o755)?;
    own(path, user)
}

fn own(path: &Path, user: Option<u32>) -> Result<(), FileError> {
    user.map_or(Ok(()), |user| files::change_owner(path, user, user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    struct World {
        _directory: tempfile::TempDir,
        blobs: Blobs,
        app: PathBuf,
    }

    fn world() -> World {
        let directory = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(directory.path()).unwrap();
        World { app: directory.path().join("app"), blobs, _directory: directory }
    }

    fn file(blobs: &Blobs, bytes: &[u8], executable: bool) -> FileEntry {
        FileEntry::File { digest: blobs.put_bytes(bytes).unwrap(), size_bytes: bytes.len() as u64, executable }
    }

    fn put(world: &World, entries: Vec<(&str, FileEntry)>) -> Result<(), Diagnostic> {
        let entries = entries.into_iter().map(|(path, entry)| (path.to_owned(), entry)).collect();
        let image = world.blobs.put_bytes(&serde_json::to_vec(&FileTree { entries }).unwrap()).unwrap();
        materialise(&world.blobs, &image, &world.app, None)
    }

    #[test]
    fn files_are_copies_with_their_modes_and_replace_what_was_there() {
        let world = world();
        let entries = vec![
            ("bin/run", file(&world.blobs, b"#!/bin/sh\n", true)),
            ("data.txt", file(&world.blobs, b"x", false)),
            ("empty", FileEntry::Directory),
            ("bin/data", FileEntry::Link { to: "../data.txt".to_owned() }),
        ];
        put(&world, entries).unwrap();
        let metadata = fs::metadata(world.app.join("bin/run")).unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.nlink()), (0o755, 1));
        assert_eq!(fs::read(world.app.join("bin/data")).unwrap(), b"x");
        assert!(world.app.join("empty").is_dir());
        put(&world, vec![("other", file(&world.blobs, b"y", false))]).unwrap();
        assert!(!world.app.join("bin").exists());
    }

    #[test]
    fn nothing_leads_outside() {
        let world = world();
        for path in ["../evil", "/etc/evil", "a/../../evil", ""] {
            let error = put(&world, vec![(path, file(&world.blobs, b"x", false))]).unwrap_err();
            assert!(error.message.contains("leads outside"), "{error}");
        }
        for to in ["/etc/passwd", "../x", "a/../../x"] {
            let error = put(&world, vec![("link", FileEntry::Link { to: to.to_owned() })]).unwrap_err();
            assert!(error.message.contains("outside of it"), "{error}");
        }
    }

    #[test]
    fn a_missing_or_cut_off_blob_is_told_with_the_file() {
        let world = world();
        let missing = FileEntry::File { digest: Digest::of(b"gone"), size_bytes: 4, executable: false };
        assert!(put(&world, vec![("a", missing)]).unwrap_err().message.contains("`a` is missing"));
        let digest = world.blobs.put_bytes(b"half").unwrap();
        let cut = FileEntry::File { digest, size_bytes: 8, executable: false };
        assert!(put(&world, vec![("a", cut)]).unwrap_err().message.contains("has 4 bytes instead of 8"));
    }
}
