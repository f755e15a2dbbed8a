//! From an image's digest to files: a private copy, the service's own.

use seaworthy_diagnostics::{Diagnostic, Fault};
use seaworthy_host::files::{self, FileError};
use seaworthy_image::ImageError;
use seaworthy_image::oci::{self, APP};
use seaworthy_image::unpack::{self, Options};
use seaworthy_model::Digest;
use seaworthy_store::blobs::Blobs;
use std::fs;
use std::path::Path;
#[cfg(test)]
use std::path::PathBuf;

/// Puts the service's own files, which are the last layer of its image, into `app`, replacing what was there: a copy,
/// so that an instance that writes into its own folder changes nothing of anybody else's.
pub(crate) fn materialise(blobs: &Blobs, image: &Digest, app: &Path, user: Option<u32>) -> Result<(), Diagnostic> {
    let unusable = |error: ImageError| unusable(image, error);
    let read = oci::image(blobs, image).map_err(unusable)?;
    let draft = app.with_extension("new");
    files::remove_tree(&draft)?;
    files::create_directory(&draft, 0o755)?;
    let options = Options { below: Some(APP.to_owned()), links_stay: true, ..Options::default() };
    let layer = read.layers.last().map(std::slice::from_ref).unwrap_or_default();
    if let Err(error) = unpack::into(blobs, layer, &draft, &options) {
        // On a full disk, what tells of it needs the room that this has taken.
        files::remove_tree(&draft)?;
        return Err(unusable(error));
    }
    if let Some(user) = user {
        own(&draft, user)?;
    }
    files::remove_tree(app)?;
    fs::rename(&draft, app).map_err(|error| FileError::new("make", app, error))?;
    Ok(())
}

/// What to say of an image that cannot be unpacked.
pub(crate) fn unusable(image: &Digest, error: ImageError) -> Diagnostic {
    if let ImageError::File(error) = error {
        return error.into();
    }
    Diagnostic::new(Fault::Machine, format!("the image `{}` cannot be used: {error}", image.short()))
        .help("build it again and deploy that: what is damaged or missing is sent again")
}

/// Gives a folder and all that is in it to a user; links themselves, not what they point to.
fn own(folder: &Path, user: u32) -> Result<(), FileError> {
    files::change_owner(folder, user, user)?;
    let wrong = |error| FileError::new("read", folder, error);
    for entry in fs::read_dir(folder).map_err(wrong)? {
        let entry = entry.map_err(wrong)?;
        if entry.file_type().map_err(wrong)?.is_dir() {
            own(&entry.path(), user)?;
        } else {
            files::change_owner(&entry.path(), user, user)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::put_image;
    use seaworthy_image::{Content, Entry};
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

    fn file(bytes: &[u8], mode: u32) -> Entry {
        Entry::File { mode, content: Content::Bytes(bytes.into()) }
    }

    fn put(world: &World, entries: Vec<(&str, Entry)>) -> Result<(), Diagnostic> {
        let entries = entries.into_iter().map(|(path, entry)| (path.to_owned(), entry)).collect();
        let image = put_image(&world.blobs, entries);
        materialise(&world.blobs, &image, &world.app, None)
    }

    #[test]
    fn files_are_copies_with_their_modes_and_replace_what_was_there() {
        let world = world();
        let entries = vec![
            ("app/bin/run", file(b"#!/bin/sh\n", 0o755)),
            ("app/data.txt", file(b"x", 0o644)),
            ("app/empty", Entry::Directory { mode: 0o755 }),
            ("app/bin/data", Entry::Link { to: "../data.txt".to_owned() }),
            ("etc/passwd", file(b"not the service's", 0o644)),
        ];
        put(&world, entries).unwrap();
        let metadata = fs::metadata(world.app.join("bin/run")).unwrap();
        assert_eq!((metadata.mode() & 0o777, metadata.nlink()), (0o755, 1));
        assert_eq!(fs::read(world.app.join("bin/data")).unwrap(), b"x");
        assert!(world.app.join("empty").is_dir());
        assert!(!world.app.join("etc").exists() && !world.app.join("passwd").exists());
        put(&world, vec![("app/other", file(b"y", 0o644))]).unwrap();
        assert!(!world.app.join("bin").exists());
    }

    #[test]
    fn no_link_leads_outside() {
        let world = world();
        for to in ["/etc/passwd", "../x", "a/../../x"] {
            let error = put(&world, vec![("app/link", Entry::Link { to: to.to_owned() })]).unwrap_err();
            assert!(error.message.contains("outside of it"), "{error}");
        }
    }

    #[test]
    fn a_missing_or_damaged_blob_is_told_and_leaves_what_was_there() {
        let world = world();
        put(&world, vec![("app/a", file(b"old", 0o644))]).unwrap();
        let entries = [("app/a".to_owned(), file(b"new", 0o644))].into();
        let image = put_image(&world.blobs, entries);
        let layer = oci::image(&world.blobs, &image).unwrap().layers[0].digest.clone();
        let again = || materialise(&world.blobs, &image, &world.app, None).unwrap_err().message;
        files::write_atomic(&world.blobs.path(&layer), b"damaged", 0o600).unwrap();
        assert!(again().contains("cannot be used"), "{}", again());
        files::remove_tree(&world.blobs.path(&layer)).unwrap();
        assert!(again().contains("is not here"), "{}", again());
        assert_eq!(fs::read(world.app.join("a")).unwrap(), b"old");
    }
}
