//! What no build has any business with: Seaworthy's own state and sockets, other users' homes, and where tools keep
//! their keys. Programs of a build find these folders and files empty.

use crate::isolation::HOME;
use seaworthy_host::{files, home};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Below a home: keys and credentials. What package managers need to fetch stays.
const OF_A_HOME: [&str; 15] = [
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".kube",
    ".docker",
    ".password-store",
    ".config/gcloud",
    ".config/gh",
    ".config/git",
    ".git-credentials",
    ".pypirc",
    ".config/containers",
    ".local/share/keyrings",
    ".local/state/seaworthy",
];
/// Variables whose folders stand at another place in a build.
const MOVED: [&str; 3] = ["HOME", "CARGO_HOME", "GOPATH"];
/// Where Seaworthy keeps state and sockets, whoever runs it.
const OF_SEAWORTHY: [&str; 3] = ["/var/lib/seaworthy", "/run/seaworthy", home::ROOT_RUNTIME];

/// The folders, for builds with these variables of sources in `scope`.
pub(crate) fn folders(variables: &BTreeMap<OsString, OsString>, scope: &Path) -> Vec<PathBuf> {
    let own = variables.get(&OsString::from("HOME")).map(PathBuf::from).or_else(std::env::home_dir);
    let mut folders: Vec<PathBuf> = OF_SEAWORTHY.map(PathBuf::from).into_iter().chain([home::home()]).collect();
    // A node's own builds have their toolchains there; the node has taken care that they find nothing else.
    folders.retain(|folder| !are_named(variables, folder));
    folders.extend(own.iter().flat_map(|own| OF_A_HOME.map(|folder| own.join(folder))));
    folders.extend(sockets());
    folders.extend(other_homes(own.as_deref(), variables, scope));
    // One that is a link is hidden where it is.
    let actual = |path: PathBuf| path.canonicalize().unwrap_or(path);
    let mut folders: Vec<PathBuf> = folders.into_iter().map(actual).collect();
    // The own home stands at a second place.
    if let Some(own) = own.map(actual) {
        let twice = |folder: &PathBuf| folder.strip_prefix(&own).ok().map(|below| Path::new(HOME).join(below));
        folders.extend(folders.iter().filter_map(twice).collect::<Vec<_>>());
    }
    // A folder within another would be looked for in what is empty.
    folders.sort();
    folders.dedup_by(|inner, outer| inner.starts_with(outer));
    folders
}

/// Where this user's nodes have their sockets: whoever reaches one may deploy. The folder is made now, for a node may
/// start while a build runs, and what is not there cannot be hidden.
fn sockets() -> Option<PathBuf> {
    let (base, mode) = home::runtime_base();
    files::create_directory(&base, mode).is_ok().then_some(base)
}

/// The homes of others, unless something of this build is there: its sources, a toolchain, its own home.
fn other_homes(own: Option<&Path>, variables: &BTreeMap<OsString, OsString>, scope: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir("/home").into_iter().flatten().flatten().map(|entry| entry.path());
    let is_own = |home: &Path| own.is_some_and(|own| own.starts_with(home)) || scope.starts_with(home);
    let homes = entries.chain([PathBuf::from("/root")]);
    homes.filter(|home| !is_own(home) && !are_named(variables, home)).collect()
}

/// Whether a variable names something below a folder, but for those whose folders stand elsewhere in a build.
fn are_named(variables: &BTreeMap<OsString, OsString>, folder: &Path) -> bool {
    let name = folder.as_os_str().as_bytes();
    let names = |value: &OsString| value.as_bytes().windows(name.len()).any(|part| part == name);
    let stays = |variable: &OsString| !MOVED.iter().any(|moved| variable == moved);
    variables.iter().any(|(variable, value)| stays(variable) && names(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_state_are_among_them_and_what_the_build_uses_is_not() {
        let variables = BTreeMap::from([
            (OsString::from("HOME"), OsString::from("/home/me")),
            (OsString::from("PATH"), OsString::from("/root:/usr/bin")),
        ]);
        let found = folders(&variables, Path::new("/srv/sources"));
        for folder in ["/home/me/.ssh", "/seaworthy/home/.aws", "/var/lib/seaworthy"] {
            assert!(found.contains(&PathBuf::from(folder)), "{folder}: {found:?}");
        }
        for folder in ["/home/me", "/root", "/srv", "/seaworthy/home"] {
            assert!(!found.contains(&PathBuf::from(folder)), "{folder}: {found:?}");
        }
        let nested = found.iter().filter(|inner| found.iter().any(|outer| *inner != outer && inner.starts_with(outer)));
        assert_eq!(nested.count(), 0, "{found:?}");
    }
}
