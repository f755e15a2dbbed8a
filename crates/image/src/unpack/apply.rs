//! Entries of layers, one after the other, onto what those before have made.

use super::Options;
use super::root::Root;
use crate::ImageError;
use crate::archive::{Item, Kind};
use seaworthy_host::files::{self, FileError};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The beginning of a name that removes the entry of the rest of the name from the layers below.
const WHITEOUT: &str = ".wh.";
/// The name that removes everything in its folder that is of the layers below.
const OPAQUE: &str = ".wh..wh..opq";

/// A folder that layers are being applied to.
pub(super) struct Applied<'a> {
    root: Root,
    options: &'a Options,
    /// Modes and times of folders, for when nothing more comes into them.
    folders: BTreeMap<PathBuf, (u32, u64)>,
    /// What this layer made: its own whiteouts spare it, wherever in the layer they stand.
    made: BTreeSet<PathBuf>,
}

impl<'a> Applied<'a> {
    pub(super) fn new(folder: &Path, options: &'a Options) -> Result<Self, ImageError> {
        Ok(Self { root: Root::new(folder)?, options, folders: BTreeMap::new(), made: BTreeSet::new() })
    }

    pub(super) fn begin_layer(&mut self) {
        self.made.clear();
    }

    pub(super) fn item(&mut self, item: &Item, content: &mut dyn Read) -> Result<(), ImageError> {
        let Some(path) = self.within(&item.path) else { return Ok(()) };
        let name = path.rsplit('/').next().unwrap_or_default();
        if let Some(hidden) = name.strip_prefix(WHITEOUT) {
            let above = path.strip_suffix(name).unwrap_or_default().trim_end_matches('/');
            return self.whiteout(above, name == OPAQUE, hidden);
        }
        if item.kind == Kind::Special {
            return Ok(());
        }
        let place = self.root.place(&path)?;
        self.make_room(&place, item.kind == Kind::Directory)?;
        match &item.kind {
            Kind::Directory => {
                if !place.is_dir() {
                    files::create_directory(&place, 0o755)?;
                }
                self.folders.insert(place.clone(), (item.mode & 0o1777, item.time));
            }
            Kind::File => file(&place, item, content)?,
            Kind::Link(to) => {
                if self.options.links_stay && !stays(&path, to) {
                    return Err(refused(format!("`{path}` is a link to `{to}`, outside of it")));
                }
                symlink(to, &place).map_err(|error| FileError::new("link", &place, error))?;
            }
            Kind::Same(other) => self.hard_link(&path, other, &place)?,
            Kind::Special => {}
        }
        self.made.insert(place);
        Ok(())
    }

    /// Modes and times of folders, the innermost first: one that may not be written to is no obstacle any more.
    pub(super) fn finish(self) -> Result<(), ImageError> {
        for (folder, (mode, time)) in self.folders.iter().rev() {
            // A later layer may have removed it.
            if fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir()) {
                set_time(folder, *time)?;
                files::set_mode(folder, *mode)?;
            }
        }
        Ok(())
    }

    /// The path below the folder that is wanted; `None` for what is not.
    fn within(&self, path: &str) -> Option<String> {
        match &self.options.below {
            None => Some(path.to_owned()),
            Some(below) => {
                let rest = path.strip_prefix(below.as_str())?.strip_prefix('/')?;
                (!rest.is_empty()).then(|| rest.to_owned())
            }
        }
    }

    /// Takes away what stands where an entry comes, unless both are folders.
    fn make_room(&mut self, place: &Path, is_folder: bool) -> Result<(), ImageError> {
        match fs::symlink_metadata(place) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(FileError::new("read", place, error).into()),
            Ok(metadata) if metadata.is_dir() && is_folder => Ok(()),
            Ok(_) => {
                self.root.forget();
                Ok(files::remove_tree(place)?)
            }
        }
    }

    fn whiteout(&mut self, above: &str, opaque: bool, hidden: &str) -> Result<(), ImageError> {
        let plain = !hidden.is_empty() && hidden != "." && hidden != "..";
        if !opaque && (!plain || hidden.starts_with(WHITEOUT)) {
            return Err(refused(format!("`{above}/{WHITEOUT}{hidden}` removes nothing")));
        }
        let inside = if above.is_empty() { hidden.to_owned() } else { format!("{above}/{hidden}") };
        let Some(place) = self.root.find(&inside)? else { return Ok(()) };
        self.root.forget();
        if !opaque {
            return self.remove_older(&place);
        }
        let folder = place.parent().unwrap_or(self.root.folder());
        let wrong = |error| FileError::new("read", folder, error);
        for entry in fs::read_dir(folder).map_err(wrong)? {
            self.remove_older(&entry.map_err(wrong)?.path())?;
        }
        Ok(())
    }

    /// Removes what layers below have made at and under a place.
    fn remove_older(&self, place: &Path) -> Result<(), ImageError> {
        let newer = self.made.range(place.to_owned()..).next().is_some_and(|made| made.starts_with(place));
        if !newer {
            return Ok(files::remove_tree(place)?);
        }
        if fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_dir()) {
            let wrong = |error| FileError::new("read", place, error);
            for entry in fs::read_dir(place).map_err(wrong)? {
                self.remove_older(&entry.map_err(wrong)?.path())?;
            }
        }
        Ok(())
    }

    fn hard_link(&self, path: &str, other: &str, place: &Path) -> Result<(), ImageError> {
        let missing = || refused(format!("`{path}` is another name of `{other}`, which is no file before it"));
        let other = self.within(other).ok_or_else(missing)?;
        let from = self.root.find(&other)?.ok_or_else(missing)?;
        if from == place || !fs::symlink_metadata(&from).is_ok_and(|metadata| metadata.is_file()) {
            return Err(missing());
        }
        Ok(fs::hard_link(&from, place).map_err(|error| FileError::new("link", place, error))?)
    }
}

fn file(place: &Path, item: &Item, content: &mut dyn Read) -> Result<(), ImageError> {
    let wrong = |error| FileError::new("write", place, error);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(place).map_err(wrong)?;
    let written = copy(content, &mut file, place)?;
    if written != item.size_bytes {
        return Err(refused(format!("`{}` ends after {written} of {} bytes", item.path, item.size_bytes)));
    }
    file.set_permissions(fs::Permissions::from_mode(item.mode & 0o777)).map_err(wrong)?;
    file.set_modified(moment(item.time)).map_err(wrong)?;
    Ok(())
}

/// Copies to the end. Whether reading or writing went wrong is told apart: only one of them is the machine's fault.
fn copy(content: &mut dyn Read, file: &mut fs::File, place: &Path) -> Result<u64, ImageError> {
    use std::io::Write as _;
    let mut buffer = vec![0; 64 * 1024];
    let mut written = 0;
    loop {
        let read = match content.read(&mut buffer) {
            Ok(0) => return Ok(written),
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(ImageError::stream("read a layer")(error)),
        };
        file.write_all(&buffer[..read]).map_err(|error| FileError::new("write", place, error))?;
        written += read as u64;
    }
}

fn set_time(folder: &Path, time: u64) -> Result<(), FileError> {
    let set = fs::File::open(folder).and_then(|folder| folder.set_modified(moment(time)));
    set.map_err(|error| FileError::new("change the time of", folder, error))
}

/// A time that every file system takes: this one's seconds, or the largest that 32 bits hold.
fn moment(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(u64::from(u32::MAX)))
}

/// Whether a link leads to something below the top, by its text alone.
fn stays(path: &str, to: &str) -> bool {
    let mut depth = path.split('/').count() - 1;
    !to.starts_with('/')
        && to.split('/').all(|part| match part {
            "" | "." => true,
            ".." => depth.checked_sub(1).is_some_and(|less| {
                depth = less;
                true
            }),
            _ => {
                depth += 1;
                true
            }
        })
}

fn refused(why: String) -> ImageError {
    ImageError::Archive { why }
}
