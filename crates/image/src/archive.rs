//! Reading layers, strictly: whatever a stranger wrote, within limits, or not at all.

use crate::decode::{self, Compressed};
use crate::hashed::{AtMost, Hashed};
use crate::{ImageError, Limits, pax};
use seaworthy_model::Digest;
use std::io::{self, Read};
use tar::{Archive, EntryType, Header};

/// Bytes of one extended header.
const EXTENDED_BYTES_MAX: u64 = 64 * 1024;

/// One entry as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Relative to the root, without `.`, `..` or a slash at either end.
    pub(crate) path: String,
    pub(crate) kind: Kind,
    /// Permission bits, with set-user-id and the like if they are there.
    pub(crate) mode: u32,
    /// Of a file; otherwise 0.
    pub(crate) size_bytes: u64,
    /// Seconds since 1970.
    pub(crate) time: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Directory,
    File,
    /// Symbolic; where it points, as it is written.
    Link(String),
    /// Hard; the path of the other name.
    Same(String),
    /// A device or a pipe.
    Special,
}

/// What is known of a layer's bytes: they are checked while they are read.
#[derive(Debug, Clone)]
pub(crate) struct Expected<'a> {
    pub(crate) digest: &'a Digest,
    pub(crate) diff_id: &'a Digest,
    pub(crate) size_bytes: u64,
    pub(crate) compressed: Compressed,
}

/// Calls `visit` for every entry of a layer, in its order. When it returns well, the layer is the expected one to its
/// last byte; what was visited before that may be anything.
pub(crate) fn layer(
    bytes: impl Read,
    expected: &Expected<'_>,
    limits: &Limits,
    visit: &mut dyn FnMut(&Item, &mut dyn Read) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let unpacked_max = limits.unpacked_bytes_max(expected.size_bytes);
    let mut compressed = Hashed::new(AtMost::new(bytes, expected.size_bytes, "more bytes than its descriptor says"));
    let decoded = decode::reader(expected.compressed, &mut compressed);
    let mut archive = Hashed::new(AtMost::new(decoded, unpacked_max, "too many bytes, unpacked"));
    entries(&mut archive, limits, visit)?;
    // An archive may end before its stream does; the digests are of all of it.
    io::copy(&mut archive, &mut io::sink()).map_err(ImageError::stream("read a layer"))?;
    let (decoded, diff_id, _) = archive.finish();
    drop(decoded);
    io::copy(&mut compressed, &mut io::sink()).map_err(ImageError::stream("read a layer"))?;
    let (_, digest, _) = compressed.finish();
    for (expected, actual) in [(expected.digest, digest), (expected.diff_id, diff_id)] {
        if *expected != actual {
            return Err(ImageError::WrongDigest { expected: expected.clone(), actual });
        }
    }
    Ok(())
}

/// Calls `visit` for every entry of an archive.
pub(crate) fn entries(
    bytes: impl Read,
    limits: &Limits,
    visit: &mut dyn FnMut(&Item, &mut dyn Read) -> Result<(), ImageError>,
) -> Result<(), ImageError> {
    let mut archive = Archive::new(bytes);
    let mut extended = Extended::default();
    let mut count = 0;
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        count += 1;
        if count > limits.entries_max {
            return Err(ImageError::TooMuch { what: "too many entries", limit: limits.entries_max });
        }
        let mut entry = entry.map_err(damaged)?;
        let header = entry.header().clone();
        if extended.take(&header, &mut entry)? {
            continue;
        }
        let item = item(&header, std::mem::take(&mut extended), limits)?;
        // The root itself is what the layers lie in.
        if !item.path.is_empty() {
            visit(&item, &mut entry)?;
        }
    }
    Ok(())
}

fn damaged(error: io::Error) -> ImageError {
    match ImageError::stream("read a layer")(error) {
        ImageError::Stream { source, .. } => ImageError::Archive { why: format!("it is damaged: {source}") },
        own => own,
    }
}

fn refused(why: impl Into<String>) -> ImageError {
    ImageError::Archive { why: why.into() }
}

/// What headers before an entry say of it, in POSIX's way and in GNU's.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    link: Option<Vec<u8>>,
}

impl Extended {
    /// Whether it was a header for the next entry, and no entry.
    fn take(&mut self, header: &Header, bytes: &mut dyn Read) -> Result<bool, ImageError> {
        let kind = header.entry_type();
        let known = kind.is_pax_local_extensions()
            || kind.is_pax_global_extensions()
            || kind.is_gnu_longname()
            || kind.is_gnu_longlink();
        if !known {
            return Ok(false);
        }
        let size_bytes = header.entry_size().map_err(damaged)?;
        if size_bytes > EXTENDED_BYTES_MAX {
            return Err(ImageError::TooMuch { what: "too large an extended header", limit: EXTENDED_BYTES_MAX });
        }
        let mut content = Vec::new();
        bytes.read_to_end(&mut content).map_err(damaged)?;
        if kind.is_gnu_longname() || kind.is_gnu_longlink() {
            let end = content.iter().position(|byte| *byte == 0).unwrap_or(content.len());
            content.truncate(end);
            *(if kind.is_gnu_longname() { &mut self.path } else { &mut self.link }) = Some(content);
            return Ok(true);
        }
        for (key, value) in pax::records(&content).ok_or_else(|| refused("an extended header is damaged"))? {
            let global = kind.is_pax_global_extensions();
            match key {
                b"path" if !global => self.path = Some(value.to_vec()),
                b"linkpath" if !global => self.link = Some(value.to_vec()),
                // The reader below goes by the plain header: who says something else hides something.
                b"path" | b"linkpath" | b"size" => return Err(refused("an extended header says too much")),
                key if key.starts_with(b"GNU.sparse.") => return Err(refused("it holds sparse files")),
                _ => {}
            }
        }
        Ok(true)
    }
}

fn item(header: &Header, extended: Extended, limits: &Limits) -> Result<Item, ImageError> {
    let raw = extended.path.unwrap_or_else(|| header.path_bytes().into_owned());
    let path = plain_path(&text(raw, limits)?)?;
    let link = |what: &str| -> Result<String, ImageError> {
        let raw = extended.link.clone().or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        let link = text(raw.unwrap_or_default(), limits)?;
        if link.is_empty() { Err(refused(format!("`{path}` is a {what} to nothing"))) } else { Ok(link) }
    };
    let kind = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Directory => Kind::Directory,
        EntryType::Symlink => Kind::Link(link("link")?),
        EntryType::Link => Kind::Same(plain_path(&link("hard link")?)?),
        EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Special,
        other => return Err(refused(format!("`{path}` is of the unknown kind {}", other.as_byte()))),
    };
    let size_bytes = if kind == Kind::File { header.entry_size().map_err(damaged)? } else { 0 };
    let mode = header.mode().map_err(damaged)? & 0o7777;
    Ok(Item { path, kind, mode, size_bytes, time: header.mtime().unwrap_or(0) })
}

fn text(bytes: Vec<u8>, limits: &Limits) -> Result<String, ImageError> {
    if bytes.len() as u64 > limits.path_bytes_max {
        return Err(ImageError::TooMuch { what: "too long a path", limit: limits.path_bytes_max });
    }
    let text = String::from_utf8(bytes).map_err(|_| refused("a name in it is not UTF-8"))?;
    if text.contains('\0') { Err(refused("a name in it holds a NUL")) } else { Ok(text) }
}

/// A path without what means nothing; one that leads upwards is refused.
fn plain_path(path: &str) -> Result<String, ImageError> {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if parts.contains(&"..") {
        return Err(refused(format!("`{path}` leads outside")));
    }
    Ok(parts.join("/"))
}
