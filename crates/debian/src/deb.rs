//! A package file, unpacked once per content and shared (deb(5)).

use crate::error::{Error, Malformed};
use crate::format::ar;
use crate::format::{Compression, reader};
use crate::limits;
use crate::lock::LockedPackage;
use seaworthy_host::files::{self, FileError};
use seaworthy_host::lock::Lock;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

/// A package on this machine's disk.
#[derive(Debug, Clone)]
pub struct Deb {
    /// Which one.
    pub package: LockedPackage,
    pub(crate) unpacked: Unpacked,
    pub(crate) folder: PathBuf,
}

/// What was in a package file; `entries.json` beside the files, which are named by their number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Unpacked {
    /// The control file as it is.
    pub(crate) control: String,
    /// The sums of its files as dpkg keeps them.
    pub(crate) md5sums: Option<String>,
    pub(crate) entries: Vec<Entry>,
}

/// One entry, its path without `./` and without `/` at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) path: String,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    Directory {
        mode: u32,
    },
    File {
        mode: u32,
        number: usize,
        size: u64,
    },
    Link {
        to: String,
    },
    /// The same file as the one of this path, earlier in the package.
    Same {
        path: String,
    },
}

const ENTRIES: &str = "entries.json";

impl Deb {
    /// Unpacks a package file, or finds what was unpacked from it before. The folder is there whole or not at all.
    ///
    /// # Errors
    /// When the file is no package, has what no image can have, or cannot be written.
    pub fn unpack(package: &LockedPackage, file: &Path, folder: &Path) -> Result<Self, Error> {
        let deb = |unpacked| Deb { package: package.clone(), unpacked, folder: folder.to_owned() };
        if let Some(unpacked) = known(folder)? {
            return Ok(deb(unpacked));
        }
        let parent = folder.parent().unwrap_or(Path::new("."));
        files::create_directory(parent, 0o755)?;
        // One process at a time: nobody takes away as damaged what another has just put there whole.
        let locks = parent.parent().unwrap_or(parent).with_file_name("locks");
        files::create_directory(&locks, 0o755)?;
        let _lock = Lock::acquire(&locks.join(folder.file_name().unwrap_or_default()))?;
        if let Some(unpacked) = known(folder)? {
            return Ok(deb(unpacked));
        }
        let partial = tempfile::Builder::new().prefix(crate::cache::PARTIAL).tempdir_in(parent);
        let partial = partial.map_err(|error| FileError::new("write in", parent, error))?;
        files::set_mode(partial.path(), 0o755)?;
        let name = format!("{} {}", package.name, package.version);
        let unpacked = read(file, partial.path()).map_err(|failure| match failure {
            Failure::Bad(source) => Error::malformed(name, source),
            Failure::File(error) => error.into(),
        })?;
        let json = serde_json::to_vec(&unpacked).map_err(|error| Error::content(ENTRIES, error.to_string()))?;
        files::write_atomic(&partial.path().join(ENTRIES), &json, 0o644)?;
        sync(partial.path())?;
        files::remove_tree(folder)?; // what is there is damaged
        std::fs::rename(partial.path(), folder).map_err(|error| FileError::new("write", folder, error))?;
        let _ = partial.keep();
        files::sync_directory(parent)?;
        Ok(deb(unpacked))
    }
}

/// What is in a folder, if every file in it is there in its full length.
fn known(folder: &Path) -> Result<Option<Unpacked>, Error> {
    let Some(json) = files::read_if_there(&folder.join(ENTRIES))? else { return Ok(None) };
    let Ok(unpacked) = serde_json::from_slice::<Unpacked>(&json) else { return Ok(None) };
    let is_whole = unpacked.entries.iter().all(|entry| match entry.kind {
        Kind::File { number, size, .. } => {
            std::fs::metadata(folder.join(number.to_string())).is_ok_and(|metadata| metadata.len() == size)
        }
        _ => true,
    });
    Ok(is_whole.then_some(unpacked))
}

/// Puts all files of a folder on the disk, before the folder gets its name: one call for the thousands of them.
fn sync(folder: &Path) -> Result<(), FileError> {
    let fail = |source| FileError::new("synchronise", folder, source);
    #[cfg(target_os = "linux")]
    {
        let directory = File::open(folder).map_err(fail)?;
        nix::unistd::syncfs(&directory).map_err(|errno| fail(errno.into()))
    }
    #[cfg(not(target_os = "linux"))]
    {
        for entry in std::fs::read_dir(folder).map_err(fail)?.flatten() {
            File::open(entry.path()).and_then(|file| file.sync_all()).map_err(fail)?;
        }
        files::sync_directory(folder)
    }
}

enum Failure {
    Bad(Malformed),
    File(FileError),
}

impl<E: Into<Malformed>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Bad(error.into())
    }
}

fn bad(what: impl Into<String>) -> Failure {
    Failure::Bad(Malformed::Content(what.into()))
}

/// `debian-binary`, `control.tar.*`, `data.tar.*`, in this order; members with `_` before their name may stand between.
fn read(file: &Path, folder: &Path) -> Result<Unpacked, Failure> {
    let opened = File::open(file).map_err(|error| Failure::File(FileError::new("read", file, error)))?;
    let mut archive = ar::Archive::new(BufReader::new(opened))?;
    let mut control = None;
    let mut is_binary = false;
    while let Some((name, _)) = archive.next_member()? {
        let compression = |part: &str| name.strip_prefix(part).and_then(Compression::of_suffix);
        if !is_binary {
            let mut version = String::new();
            archive.member().take(64).read_to_string(&mut version)?;
            if name != "debian-binary" || !version.starts_with("2.") {
                return Err(bad("it is no package of format 2"));
            }
            is_binary = true;
        } else if name.starts_with('_') {
        } else if let (None, Some(compression)) = (&control, compression("control.tar")) {
            let bytes = BufReader::new(archive.member());
            control = Some(read_control(reader(compression, bytes, limits::CONTROL_BYTES_MAX)?)?);
        } else if let (Some((control, md5sums)), Some(compression)) = (&control, compression("data.tar")) {
            let bytes = BufReader::new(archive.member());
            let entries = read_data(reader(compression, bytes, limits::DATA_BYTES_MAX)?, folder)?;
            return Ok(Unpacked { control: control.clone(), md5sums: md5sums.clone(), entries });
        } else {
            return Err(bad(format!("its member `{name}` is not known")));
        }
    }
    Err(bad("its content is missing"))
}

fn read_control(bytes: impl Read) -> Result<(String, Option<String>), Failure> {
    let (mut control, mut md5sums) = (None, None);
    let mut tar = tar::Archive::new(bytes);
    for entry in tar.entries()? {
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let field = match path.trim_start_matches("./") {
            "control" => &mut control,
            "md5sums" => &mut md5sums,
            _ => continue,
        };
        let mut text = String::new();
        entry.read_to_string(&mut text)?;
        *field = Some(text);
    }
    control.map(|control| (control, md5sums)).ok_or_else(|| bad("its control file is missing"))
}

fn read_data(mut bytes: Box<dyn Read + '_>, folder: &Path) -> Result<Vec<Entry>, Failure> {
    let mut entries = Vec::new();
    let mut tar = tar::Archive::new(&mut bytes);
    let mut number = 0;
    for entry in tar.entries()? {
        let mut entry = entry?;
        if entries.len() == limits::ENTRIES_MAX {
            return Err(bad("it has too many files"));
        }
        let Some(path) = clean(&entry.path_bytes())? else { continue };
        let mode = entry.header().mode()? & 0o1777;
        let target = |entry: &tar::Entry<'_, _>| match entry.link_name_bytes() {
            Some(name) => String::from_utf8(name.into_owned()).map_err(|_| bad("a link to a name that is no UTF-8")),
            None => Err(bad(format!("the link `{path}` leads nowhere"))),
        };
        let kind = match entry.header().entry_type() {
            tar::EntryType::Directory => Kind::Directory { mode },
            tar::EntryType::Symlink => Kind::Link { to: target(&entry)? },
            tar::EntryType::Link => {
                let to = clean(target(&entry)?.as_bytes())?;
                Kind::Same { path: to.ok_or_else(|| bad(format!("the link `{path}` leads nowhere")))? }
            }
            tar::EntryType::Regular | tar::EntryType::Continuous => {
                let into = folder.join(number.to_string());
                let fail = |error| Failure::File(FileError::new("write", &into, error));
                let mut file = File::create_new(&into).map_err(fail)?;
                let size = copy(&mut entry, &mut file, &into)?;
                number += 1;
                Kind::File { mode: mode & 0o777, number: number - 1, size }
            }
            other => return Err(bad(format!("`{path}` is of a kind that no image has: {other:?}"))),
        };
        entries.push(Entry { path, kind });
    }
    // To the end, so that a truncated stream or a wrong sum at its end is seen.
    std::io::copy(&mut bytes, &mut std::io::sink())?;
    Ok(entries)
}

/// Copies a file; what the package cannot give and what the disk cannot take are two errors.
fn copy(from: &mut impl Read, file: &mut File, path: &Path) -> Result<u64, Failure> {
    let (mut buffer, mut size) = (vec![0; 64 << 10], 0);
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(size);
        }
        let written = std::io::Write::write_all(file, &buffer[..length]);
        written.map_err(|error| Failure::File(FileError::new("write", path, error)))?;
        size += length as u64;
    }
}

/// A path of a tree: `./usr/bin/` is `usr/bin`; `None` for the root. Whatever leads outside is refused.
fn clean(path: &[u8]) -> Result<Option<String>, Failure> {
    let text = std::str::from_utf8(path).map_err(|_| bad("a file's name is no UTF-8"))?;
    if text.len() > limits::PATH_BYTES_MAX || text.contains('\0') {
        return Err(bad("a file's name is too long"));
    }
    let mut parts = Vec::new();
    for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            return Err(bad(format!("the path `{text}` leads outside")));
        }
        parts.push(part);
    }
    Ok((!parts.is_empty()).then(|| parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned_or_refused() {
        let clean = |path: &str| clean(path.as_bytes()).ok().map(|path| path.unwrap_or_default());
        assert_eq!(clean("./usr//bin/").as_deref(), Some("usr/bin"));
        assert_eq!(clean("/etc/passwd").as_deref(), Some("etc/passwd"));
        assert_eq!(clean("./").as_deref(), Some(""));
        assert_eq!(clean("./a/../../b"), None);
    }
}
