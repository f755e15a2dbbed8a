//! Finding files in an image's layers, as they will be found when the layers are joined.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

/// As many links as the kernel follows (path_resolution(7)).
const LINKS_MAX: u32 = 40;

/// The folders that a root consists of, lowest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layers<'a>(pub(crate) &'a [PathBuf]);

/// A file in an image.
#[derive(Debug)]
pub(crate) struct Found {
    /// Its path inside, without links.
    #[cfg(test)]
    pub(crate) inside: PathBuf,
    /// Where it is on this machine.
    pub(crate) outside: PathBuf,
    /// Of the file itself.
    pub(crate) metadata: Metadata,
    /// The folders on the way, by their path inside.
    pub(crate) way: Vec<(PathBuf, Metadata)>,
}

/// A folder: one in every layer that takes part in it, lowest last.
struct Folder<'a> {
    name: OsString,
    layers: Vec<&'a Path>,
    metadata: Option<Metadata>,
}

enum Entry<'a> {
    Folder(Vec<&'a Path>, Metadata),
    Other(PathBuf, Metadata),
}

impl<'a> Layers<'a> {
    /// What a program inside finds at an absolute path.
    ///
    /// # Errors
    /// `NotFound`; `NotADirectory`; `ELOOP` as `InvalidInput`.
    pub(crate) fn find(self, path: &Path) -> io::Result<Found> {
        let mut folders: Vec<Folder<'a>> = Vec::new();
        let mut left: VecDeque<OsString> = parts(path);
        let mut links = 0;
        while let Some(part) = left.pop_front() {
            if part == ".." {
                folders.pop();
                continue;
            }
            let parent = inside(&folders);
            let layers = folders.last().map_or_else(|| self.all(), |folder| folder.layers.clone());
            match look(&layers, &parent.join(&part))? {
                Entry::Folder(layers, metadata) => {
                    folders.push(Folder { name: part, layers, metadata: Some(metadata) });
                }
                Entry::Other(outside, metadata) if metadata.is_symlink() => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many links on the way"));
                    }
                    let target = fs::read_link(&outside)?;
                    if target.is_absolute() {
                        folders.clear();
                    }
                    parts(&target).into_iter().rev().for_each(|part| left.push_front(part));
                }
                Entry::Other(outside, metadata) if left.is_empty() => {
                    return Ok(Found {
                        #[cfg(test)]
                        inside: parent.join(part),
                        outside,
                        metadata,
                        way: way(folders),
                    });
                }
                Entry::Other(..) => return Err(io::ErrorKind::NotADirectory.into()),
            }
        }
        self.folder(folders)
    }

    fn folder(self, mut folders: Vec<Folder<'a>>) -> io::Result<Found> {
        let inside = inside(&folders);
        let top = folders.last().map_or_else(|| self.all(), |folder| folder.layers.clone());
        let top = top.first().ok_or(io::ErrorKind::NotFound)?;
        let outside = top.join(inside.strip_prefix("/").unwrap_or(&inside));
        let metadata = match folders.pop().and_then(|folder| folder.metadata) {
            Some(metadata) => metadata,
            None => fs::metadata(top)?,
        };
        Ok(Found {
            #[cfg(test)]
            inside,
            outside,
            metadata,
            way: way(folders),
        })
    }

    /// Highest first.
    fn all(self) -> Vec<&'a Path> {
        self.0.iter().rev().map(PathBuf::as_path).collect()
    }
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let parts = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    });
    parts.collect()
}

fn inside(folders: &[Folder<'_>]) -> PathBuf {
    std::iter::once(OsString::from("/")).chain(folders.iter().map(|folder| folder.name.clone())).collect()
}

fn way(folders: Vec<Folder<'_>>) -> Vec<(PathBuf, Metadata)> {
    let mut path = PathBuf::from("/");
    let mut way = Vec::new();
    for folder in folders {
        path.push(folder.name);
        way.extend(folder.metadata.map(|metadata| (path.clone(), metadata)));
    }
    way
}

/// The entry with this path inside: the highest one, and where that is a folder, those below that it is joined with.
fn look<'a>(layers: &[&'a Path], path: &Path) -> io::Result<Entry<'a>> {
    let relative = path.strip_prefix("/").unwrap_or(path);
    let mut folder: Option<(Vec<&'a Path>, Metadata)> = None;
    for layer in layers {
        let outside = layer.join(relative);
        let metadata = match fs::symlink_metadata(&outside) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let removed = metadata.file_type().is_char_device() && metadata.rdev() == 0;
        match &mut folder {
            _ if removed => break,
            None if metadata.is_dir() => folder = Some((vec![layer], metadata)),
            None => return Ok(Entry::Other(outside, metadata)),
            Some((joined, _)) if metadata.is_dir() => joined.push(layer),
            Some(_) => break,
        }
        if is_opaque(&outside) {
            break;
        }
    }
    folder.map(|(layers, metadata)| Entry::Folder(layers, metadata)).ok_or_else(|| io::ErrorKind::NotFound.into())
}

/// Whether a folder hides what the layers below have there (overlayfs, "opaque directories").
fn is_opaque(path: &Path) -> bool {
    #[cfg(target_os = "linux")]
    {
        let mut value = [0_u8; 4];
        ["trusted.overlay.opaque", "user.overlay.opaque"].iter().any(|name| {
            rustix::fs::lgetxattr(path, *name, &mut value).is_ok_and(|length| length > 0 && value[0] == b'y')
        })
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = path;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use seaworthy_host::files;
    use std::os::unix::fs::symlink;

    fn put(layer: &Path, path: &str, text: &str) {
        let path = layer.join(path);
        files::create_directory(path.parent().unwrap(), 0o755).unwrap();
        files::write_atomic(&path, text.as_bytes(), 0o644).unwrap();
    }

    fn two() -> (tempfile::TempDir, Vec<PathBuf>) {
        let directory = tempfile::tempdir().unwrap();
        let layers = vec![directory.path().join("low"), directory.path().join("high")];
        put(&layers[0], "usr/bin/sh", "low");
        put(&layers[0], "usr/bin/env", "low");
        symlink("usr/bin", layers[0].join("bin")).unwrap();
        put(&layers[1], "usr/bin/env", "high");
        symlink("/bin/../../../bin/sh", layers[1].join("shell")).unwrap();
        symlink("around", layers[1].join("around")).unwrap();
        (directory, layers)
    }

    #[test]
    fn the_highest_layer_wins_and_links_stay_inside() {
        let (_directory, layers) = two();
        let find = |path: &str| Layers(&layers).find(Path::new(path));
        let read = |path: &str| fs::read_to_string(find(path).unwrap().outside).unwrap();
        assert_eq!(
            (read("/bin/sh").as_str(), read("/bin/env").as_str(), read("/shell").as_str()),
            ("low", "high", "low")
        );
        let found = find("/shell").unwrap();
        assert_eq!(found.inside, Path::new("/usr/bin/sh"));
        assert_eq!(found.way.iter().map(|(path, _)| path.to_str().unwrap()).collect::<Vec<_>>(), ["/usr", "/usr/bin"]);
        assert!(find("/usr/bin").unwrap().metadata.is_dir());
        assert!(find("/").unwrap().metadata.is_dir());
        assert_eq!(find("/etc/passwd").unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(find("/usr/bin/sh/x").unwrap_err().kind(), io::ErrorKind::NotADirectory);
        assert_eq!(find("/around").unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_file_in_the_place_of_a_folder_hides_what_was_in_it() {
        let (_directory, mut layers) = two();
        layers.push(layers[0].with_file_name("top"));
        put(&layers[2], "usr/bin", "");
        assert_eq!(Layers(&layers).find(Path::new("/bin/sh")).unwrap_err().kind(), io::ErrorKind::NotADirectory);
    }
}
