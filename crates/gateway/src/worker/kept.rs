//! The last table, on disk for the worker that starts next.

use crate::log;
use seaworthy_host::files::{self, FileError};
use seaworthy_model::routing::{ROUTING_FORMAT, RoutingTable};
use std::path::{Path, PathBuf};

/// The file with the last table.
#[derive(Debug)]
pub(crate) struct KeptTable(PathBuf);

impl KeptTable {
    /// In this folder.
    pub(super) fn new(state_dir: &Path) -> Self {
        Self(state_dir.join("table.json"))
    }

    /// Reads it. One that cannot be used is set aside, so that whoever looks for the reason finds it, and the worker
    /// starts without: the node applies a new one.
    pub(super) fn load(&self) -> Option<RoutingTable> {
        let bytes = match files::read_if_there(&self.0) {
            Ok(bytes) => bytes?,
            Err(error) => {
                log::line("worker", format_args!("starting without routes: {error}: {}", error.io()));
                return None;
            }
        };
        match read(&bytes) {
            Ok(table) => Some(table),
            Err(reason) => {
                let aside = self.0.with_extension("json.unreadable");
                let moved = std::fs::rename(&self.0, &aside);
                let name = self.0.display();
                log::line(
                    "worker",
                    format_args!(
                        "starting without routes: `{name}` {reason}; set aside: {moved:?}, `{}`",
                        aside.display()
                    ),
                );
                None
            }
        }
    }

    /// Writes it: whole or not at all.
    pub(super) fn store(&self, table: &RoutingTable) -> Result<(), FileError> {
        let bytes = serde_json::to_vec(table).map_err(|e| FileError::new("write", &self.0, e.into()))?;
        files::write_atomic(&self.0, &bytes, 0o600)
    }
}

fn read(bytes: &[u8]) -> Result<RoutingTable, String> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let unreadable = |error: serde_json::Error| format!("cannot be read: {error}");
    let Format { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if format != ROUTING_FORMAT {
        return Err(format!("has format {format}, this program reads {ROUTING_FORMAT}"));
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> RoutingTable {
        RoutingTable {
            format: ROUTING_FORMAT,
            generation: 7,
            listeners: Default::default(),
            groups: Default::default(),
            routes: Vec::new(),
            pools: Default::default(),
        }
    }

    #[test]
    fn comes_back_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let kept = KeptTable::new(directory.path());
        assert_eq!(kept.load(), None);
        kept.store(&table()).unwrap();
        assert_eq!(kept.load(), Some(table()));
    }

    #[test]
    fn half_a_file_and_one_of_the_future_are_set_aside() {
        let directory = tempfile::tempdir().unwrap();
        let kept = KeptTable::new(directory.path());
        kept.store(&RoutingTable { format: ROUTING_FORMAT + 1, ..table() }).unwrap();
        assert_eq!(kept.load(), None);
        assert!(directory.path().join("table.json.unreadable").exists());
        assert!(!directory.path().join("table.json").exists());
        let bytes = serde_json::to_vec(&table()).unwrap();
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
