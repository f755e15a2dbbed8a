//! A tree as a layer: a tar archive in one dialect, compressed by one compressor at one level. Same tree, same bytes.

use crate::gzip::Gzip;
use crate::hashed::Hashed;
use crate::tree::{Entry, Tree};
use crate::{ImageError, entry};
use seaworthy_model::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{BufWriter, Write};

pub use crate::entry::TIME;

/// Grows whenever the same tree gives other bytes: what was made in another format is made again.
pub const FORMAT: u32 = 2;

/// `gzip -4`: 6 takes twice as long, and saves less than two hundredths.
pub(crate) const LEVEL: u8 = 4;
/// The longest path that Linux takes.
const PATH_BYTES_MAX: usize = 4095;
/// A name that begins so removes something in a layer below (OCI image specification, "Whiteouts").
const WHITEOUT: &str = ".wh.";

/// A layer that was written: an archive of media type `application/vnd.oci.image.layer.v1.tar+gzip`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// The digest of its compressed bytes: its name.
    pub digest: Digest,
    /// The digest of the archive itself.
    pub diff_id: Digest,
    /// Compressed.
    pub size_bytes: u64,
    /// Uncompressed.
    pub archive_bytes: u64,
}

/// Writes a tree as a layer. Folders that are not listed are written too, as 0755: what unpacks the layer decides
/// nothing.
///
/// # Errors
/// [`ImageError::Entry`] for a path that no layer can have, [`ImageError::Changed`] for a file that is written to
/// meanwhile, and what reading and writing can give.
pub fn write(tree: &Tree, out: impl Write) -> Result<Layer, ImageError> {
    let gzip = Gzip::new(Hashed::new(out), LEVEL).map_err(ImageError::stream("write a layer"))?;
    let (gzip, diff_id, archive_bytes) = archive(tree, gzip)?;
    let compressed = gzip.finish().map_err(ImageError::stream("write a layer"))?;
    let (mut out, digest, size_bytes) = compressed.finish();
    out.flush().map_err(ImageError::stream("write a layer"))?;
    Ok(Layer { digest, diff_id, size_bytes, archive_bytes })
}

/// Writes a tree as an archive; gives back where it went, the archive's digest and its size in bytes.
pub(crate) fn archive<W: Write>(tree: &Tree, out: W) -> Result<(W, Digest, u64), ImageError> {
    let entries = complete(tree)?;
    let mut archive = BufWriter::with_capacity(128 * 1024, Hashed::new(out));
    let folder = Entry::Directory { mode: 0o755 };
    for (path, entry) in entries {
        entry::write(&mut archive, path, entry.unwrap_or(&folder))?;
    }
    archive.write_all(&[0; 1024]).map_err(ImageError::stream("write a layer"))?;
    let archive = archive.into_inner().map_err(|error| ImageError::stream("write a layer")(error.into_error()))?;
    Ok(archive.finish())
}

/// The entries with the folders above them, in the order of their paths' bytes: a folder comes before what is in it.
fn complete(tree: &Tree) -> Result<BTreeMap<&str, Option<&Entry>>, ImageError> {
    let mut entries: BTreeMap<&str, Option<&Entry>> = BTreeMap::new();
    for (path, entry) in &tree.entries {
        check(path, entry)?;
        for (at, _) in path.match_indices('/') {
            let above = &path[..at];
            match tree.entries.get(above) {
                None => drop(entries.insert(above, None)),
                Some(Entry::Directory { .. }) => {}
                Some(_) => {
                    let why = "what is above it is no folder";
                    return Err(ImageError::Entry { path: path.clone(), why });
                }
            }
        }
        entries.insert(path, Some(entry));
    }
    Ok(entries)
}

fn check(path: &str, entry: &Entry) -> Result<(), ImageError> {
    let parts = || path.split('/');
    let why = if path.len() > PATH_BYTES_MAX {
        "its path is too long"
    } else if parts().any(|part| part.is_empty() || part == "." || part == "..") {
        "its path is not a plain one"
    } else if path.contains('\0') || matches!(entry, Entry::Link { to } if to.contains('\0')) {
        "its path holds a NUL"
    } else if parts().any(|part| part.starts_with(WHITEOUT)) {
        "names that begin with `.wh.` remove files in images"
    } else if matches!(entry, Entry::Link { to } if to.is_empty() || to.len() > PATH_BYTES_MAX) {
        "it is a link to nothing"
    } else {
        return Ok(());
    };
    Err(ImageError::Entry { path: path.to_owned(), why })
}
