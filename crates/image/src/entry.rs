//! One entry of a layer as bytes: `ustar` headers, which every reader knows, and an extended header (`pax`) before the
//! few entries that do not fit: a path or link that is too long or not ASCII, a file of 8 GiB or more. Never the older
//! GNU extensions, which mean the same in other bytes.

use crate::tree::{Content, Entry};
use crate::{ImageError, pax};
use seaworthy_host::files::FileError;
use std::fs::File;
use std::io::{Read as _, Write};
use std::path::Path;
use tar::{EntryType, Header};

/// Every entry's time, and what builds get as `SOURCE_DATE_EPOCH`: the beginning of 1980 (UTC), the first moment that a
/// zip archive can name; some programs refuse files that are older.
pub const TIME: u64 = 315_532_800;
/// The first size that the octal digits of a header cannot hold.
const USTAR_SIZE_END: u64 = 1 << 33;
const BLOCK_BYTES: usize = 512;

/// Writes one entry.
pub(crate) fn write(out: &mut impl Write, path: &str, entry: &Entry) -> Result<(), ImageError> {
    match entry {
        Entry::Directory { mode } => header(out, &format!("{path}/"), EntryType::Directory, mode & 0o1777, 0, None),
        Entry::Link { to } => header(out, path, EntryType::Symlink, 0o777, 0, Some(to)),
        Entry::File { mode, content: Content::Bytes(bytes) } => {
            header(out, path, EntryType::Regular, mode & 0o777, bytes.len() as u64, None)?;
            out.write_all(bytes).map_err(ImageError::stream("write a layer"))?;
            pad(out, bytes.len() as u64)
        }
        Entry::File { mode, content: Content::Path(from) } => file(out, path, mode & 0o777, from),
    }
}

fn file(out: &mut impl Write, path: &str, mode: u32, from: &Path) -> Result<(), ImageError> {
    let wrong = |error| FileError::new("read", from, error);
    let mut file = File::open(from).map_err(wrong)?;
    let size_bytes = file.metadata().map_err(wrong)?.len();
    header(out, path, EntryType::Regular, mode, size_bytes, None)?;
    let mut left = size_bytes;
    let mut buffer = vec![0; 128 * 1024];
    loop {
        let read = match file.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(wrong(error).into()),
        };
        // More or less than was announced would shift everything behind it.
        match left.checked_sub(read as u64) {
            Some(still) if read > 0 => left = still,
            Some(0) => break,
            _ => return Err(ImageError::Changed { path: from.to_owned() }),
        }
        out.write_all(&buffer[..read]).map_err(ImageError::stream("write a layer"))?;
    }
    pad(out, size_bytes)
}

fn header(
    out: &mut impl Write,
    path: &str,
    kind: EntryType,
    mode: u32,
    size_bytes: u64,
    link: Option<&str>,
) -> Result<(), ImageError> {
    let mut header = plain(kind, mode, size_bytes);
    let mut records = String::new();
    if !place(&mut header, path) {
        records += &pax::record("path", path);
    }
    if let Some(link) = link {
        let ustar = header.as_ustar_mut().expect("it was made as `ustar`");
        copy(&mut ustar.linkname, link.as_bytes());
        if link.len() > ustar.linkname.len() || !link.is_ascii() {
            records += &pax::record("linkpath", link);
        }
    }
    if size_bytes >= USTAR_SIZE_END {
        records += &pax::record("size", &size_bytes.to_string());
    }
    if !records.is_empty() {
        let mut extended = plain(EntryType::XHeader, 0o644, records.len() as u64);
        place(&mut extended, "././@PaxHeader");
        extended.set_cksum();
        let written = out.write_all(extended.as_bytes()).and_then(|()| out.write_all(records.as_bytes()));
        written.map_err(ImageError::stream("write a layer"))?;
        pad(out, records.len() as u64)?;
    }
    header.set_cksum();
    out.write_all(header.as_bytes()).map_err(ImageError::stream("write a layer"))
}

fn plain(kind: EntryType, mode: u32, size_bytes: u64) -> Header {
    let mut header = Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(TIME);
    header.set_size(size_bytes);
    header
}

/// Writes a path into a header; whether it is there whole.
fn place(header: &mut Header, path: &str) -> bool {
    let ustar = header.as_ustar_mut().expect("it was made as `ustar`");
    let (name_max, prefix_max) = (ustar.name.len(), ustar.prefix.len());
    if path.is_ascii() && path.len() > name_max {
        // As late as it may be, as other writers do; the slash itself is in neither part.
        let slashes = path.match_indices('/').map(|(at, _)| at);
        let fits = |at: &usize| *at <= prefix_max && (1..=name_max).contains(&(path.len() - at - 1));
        if let Some(at) = slashes.rev().find(fits) {
            copy(&mut ustar.prefix, &path.as_bytes()[..at]);
            copy(&mut ustar.name, &path.as_bytes()[at + 1..]);
            return true;
        }
    }
    copy(&mut ustar.name, path.as_bytes());
    path.is_ascii() && path.len() <= name_max
}

fn copy(field: &mut [u8], bytes: &[u8]) {
    let length = field.len().min(bytes.len());
    field[..length].copy_from_slice(&bytes[..length]);
}

fn pad(out: &mut impl Write, size_bytes: u64) -> Result<(), ImageError> {
    let over = (size_bytes % BLOCK_BYTES as u64) as usize;
    let padding = if over == 0 { 0 } else { BLOCK_BYTES - over };
    out.write_all(&[0; BLOCK_BYTES][..padding]).map_err(ImageError::stream("write a layer"))
}
