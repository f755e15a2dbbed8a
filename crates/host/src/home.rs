//! Where state lives, and where the sockets that belong to it lie.

use crate::files::{self, FileError};
use crate::peer;
use sha2::{Digest as _, Sha256};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Where the sockets and user id slots of all homes of root are.
pub const ROOT_RUNTIME: &str = "/run/seaworthy-homes";

/// The state directory: `$SEAWORTHY_HOME`, else `/var/lib/seaworthy` (root), else `$XDG_STATE_HOME/seaworthy`, else
/// `~/.local/state/seaworthy`.
#[must_use]
pub fn home() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    home_from(&variable, peer::is_root())
}

fn home_from(variable: &dyn Fn(&str) -> Option<OsString>, root: bool) -> PathBuf {
    if let Some(home) = variable("SEAWORTHY_HOME") {
        return std::path::absolute(&home).unwrap_or_else(|_| home.into());
    }
    if root {
        return "/var/lib/seaworthy".into();
    }
    let state = variable("XDG_STATE_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let state = state.or_else(|| variable("HOME").map(|home| PathBuf::from(home).join(".local/state")));
    state.unwrap_or_else(|| format!("/tmp/seaworthy-{}", peer::effective_uid()).into()).join("seaworthy")
}

/// Makes and returns the directory for the sockets of a home: short, because a socket's path has at most 107 bytes.
///
/// Root: `/run/seaworthy-homes/HASH` (0711, each socket guards itself); else `$XDG_RUNTIME_DIR/seaworthy/HASH` or
/// `/tmp/seaworthy-UID/HASH` (0700).
///
/// # Errors
/// [`FileError`] when it cannot be made, or belongs to somebody else.
pub fn runtime_directory(home: &Path) -> Result<PathBuf, FileError> {
    let (base, mode) = runtime_base();
    let directory = base.join(home_hash(home));
    for path in [&base, &directory] {
        files::create_directory(path, mode)?;
        check_owner(path, mode)?;
    }
    Ok(directory)
}

/// The folder in which this user's runtime directories are, and its mode; it need not be there yet.
#[must_use]
pub fn runtime_base() -> (PathBuf, u32) {
    let xdg = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|p| p.is_absolute() && p.is_dir());
    match xdg {
        _ if peer::is_root() => (PathBuf::from(ROOT_RUNTIME), 0o711),
        Some(xdg) if xdg.as_os_str().len() <= 40 => (xdg.join("seaworthy"), 0o700),
        _ => (format!("/tmp/seaworthy-{}", peer::effective_uid()).into(), 0o700),
    }
}

/// Refuses a directory that somebody else has put there: in /tmp anybody can.
fn check_owner(path: &Path, mode: u32) -> Result<(), FileError> {
    let metadata = std::fs::symlink_metadata(path).map_err(|error| FileError::new("read", path, error))?;
    if !metadata.is_dir() || metadata.uid() != peer::effective_uid() {
        let error = io::Error::new(io::ErrorKind::PermissionDenied, "it is not a directory of this user's own");
        return Err(FileError::new("use", path, error));
    }
    if metadata.mode() & 0o777 != mode {
        files::set_mode(path, mode)?;
    }
    Ok(())
}

/// 8 hexadecimal digits that stand for a home, whichever way its path is written.
#[must_use]
pub fn home_hash(home: &Path) -> String {
    hex::encode(&Sha256::digest(resolved(home).as_os_str().as_bytes())[..4])
}

/// The path without symbolic links, as far as it exists: the answer is the same before and after it is made.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for ancestor in absolute.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return match absolute.strip_prefix(ancestor) {
                Ok(rest) if rest.as_os_str().is_empty() => real,
                Ok(rest) => real.join(rest),
                Err(_) => absolute,
            };
        }
    }
    absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(variables: &[(&str, &str)], root: bool) -> PathBuf {
        let find = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        home_from(&find, root)
    }

    #[test]
    fn the_variable_wins_then_root_then_the_users_state() {
        assert_eq!(resolve(&[("SEAWORTHY_HOME", "/x")], true), Path::new("/x"));
        assert_eq!(resolve(&[("HOME", "/root")], true), Path::new("/var/lib/seaworthy"));
        assert_eq!(resolve(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")], false), Path::new("/s/seaworthy"));
        assert_eq!(resolve(&[("HOME", "/h")], false), Path::new("/h/.local/state/seaworthy"));
    }

    #[test]
    fn one_home_has_one_hash_before_and_after_it_exists_and_through_links() {
        let directory = tempfile::tempdir().unwrap();
        let home = directory.path().join("home");
        let before = home_hash(&home);
        std::fs::create_dir(&home).unwrap();
        std::os::unix::fs::symlink(&home, directory.path().join("link")).unwrap();
        assert_eq!(home_hash(&home), before);
        assert_eq!(home_hash(&directory.path().join("link")), before);
    }

    #[test]
    fn sockets_fit_into_the_runtime_directory() {
        let home = tempfile::tempdir().unwrap();
        let runtime = runtime_directory(home.path()).unwrap();
        assert!(runtime.is_dir());
        assert!(runtime.as_os_str().len() < 60, "{}", runtime.display());
        assert_eq!(runtime_directory(home.path()).unwrap(), runtime);
        files::remove_tree(&runtime).unwrap();
    }
}
