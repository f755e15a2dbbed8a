//! A node that somebody stopped on purpose. It leaves a word behind, so that who only wants to read does not start it
//! again, with everything that it ran; a node that was killed, or whose machine was, leaves none and comes back.

use crate::place;
use seaworthy_api::wire::NodeStopped;
use seaworthy_host::files::{self, FileError};
use std::path::{Path, PathBuf};

/// How a node ends that was told to: systemd starts again what ended otherwise.
pub const EXIT_CODE: u8 = 80;

const FILE: &str = "stopped.json";

/// The word of an installed node is for its group, and goes with a reboot, after which systemd starts the node; that of
/// a user's own node stays in its home, because nothing but a verb starts it.
fn file(home: &Path, socket: &Path) -> PathBuf {
    let folder = if place::is_installed(socket) { Path::new(place::INSTALLED_FOLDER) } else { home };
    folder.join(FILE)
}

/// Leaves the word behind.
pub(crate) fn remember(home: &Path, socket: &Path, stopped: &NodeStopped) -> Result<(), FileError> {
    let bytes = serde_json::to_vec(stopped).unwrap_or_default();
    files::write_atomic(&file(home, socket), &bytes, 0o644)
}

/// Takes it back: the node is wanted.
pub(crate) fn forget(home: &Path, socket: &Path) -> Result<(), FileError> {
    let file = file(home, socket);
    match std::fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(FileError::new("remove", &file, error)),
        _ => Ok(()),
    }
}

/// What was left behind: it counts even if nobody understands it.
pub(crate) fn recall(home: &Path, socket: &Path) -> Option<NodeStopped> {
    let bytes = files::read_if_there(&file(home, socket)).ok().flatten()?;
    Some(serde_json::from_slice(&bytes).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_stays_until_it_is_taken_back_and_counts_even_if_it_is_not_understood() {
        let home = tempfile::tempdir().expect("a folder");
        let (home, socket) = (home.path(), Path::new("/run/other/node.sock"));
        assert!(recall(home, socket).is_none());
        forget(home, socket).expect("nothing to take back");
        let stopped = NodeStopped {
            at: Some("2026-01-31T12:00:00.5Z".to_owned()),
            by: Some("anne".to_owned()),
            all: true,
            installed: false,
        };
        remember(home, socket, &stopped).expect("written");
        assert_eq!(recall(home, socket), Some(stopped.clone()));
        assert_eq!(
            stopped.words(),
            "the node was stopped by `anne` at 2026-01-31T12:00:00Z, with gateway and services"
        );
        files::write_atomic(&home.join(FILE), b"of a later version", 0o644).expect("written");
        assert_eq!(recall(home, socket), Some(NodeStopped::default()));
        assert_eq!(NodeStopped::default().words(), "the node was stopped; gateway and services go on without it");
        forget(home, socket).expect("taken back");
        assert!(recall(home, socket).is_none());
    }
}
