//! The engine's memory: what is wanted, written down before it is done.

mod commands;
mod deaf;
mod instances;
mod pools;
mod users;

pub(crate) use commands::CommandRecord;
pub(crate) use instances::InstanceRecord;
pub(crate) use pools::PoolRecord;

use rusqlite::{Connection, ErrorCode};
use seaworthy_diagnostics::Diagnostic;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The version of the schema that this program writes.
const SCHEMA: u32 = 1;
/// How long a call waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What can go wrong with the engine's memory.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DatabaseError {
    /// SQLite said no.
    #[error("cannot use `{}`", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A newer program has written it.
    #[error("`{}` has schema {found}, this program knows up to {SCHEMA}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
    },
}

impl From<DatabaseError> for Diagnostic {
    fn from(error: DatabaseError) -> Self {
        let text = error.to_string();
        let DatabaseError::Refused { path, source } = error else {
            return Self::user(text).help("install the newer Seaworthy again, or set SEAWORTHY_HOME to another folder");
        };
        let diagnostic = Self::machine(format!("{text}: {source}"));
        let path = path.display();
        match source.sqlite_error_code() {
            Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
                diagnostic.help(format!("free some space (`df -h {path}` shows how much there is), then try again"))
            }
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                diagnostic.help(format!("make `{path}` and its folder writable, or set SEAWORTHY_HOME"))
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                diagnostic.help("another process is writing to it: try again").later()
            }
            _ => diagnostic.help(format!("look at what is at `{path}`")),
        }
    }
}

/// `engine.db`. Calls are short and synchronous. What they wrote outlives this process when they return, and a power
/// cut, too, unless they say otherwise.
#[derive(Debug)]
pub(crate) struct Database {
    path: PathBuf,
    connection: Mutex<Connection>,
}

impl Database {
    /// Opens it, making it (mode 0600: specifications hold settings) where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, DatabaseError> {
        let refused = |source| DatabaseError::Refused { path: path.to_owned(), source };
        // SQLite would make it readable for everybody; what it says when it cannot open it is better than this.
        let _ = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path);
        let mut connection = Connection::open(path).map_err(refused)?;
        let prepare = |connection: &mut Connection| -> rusqlite::Result<u32> {
            connection.busy_timeout(BUSY_TIMEOUT)?;
            connection.pragma_update(None, "journal_mode", "WAL")?;
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "foreign_keys", "ON")?;
            let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let found = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
            if found == 0 {
                transaction.execute_batch(include_str!("schema.sql"))?;
                transaction.pragma_update(None, "user_version", SCHEMA)?;
            }
            transaction.execute_batch(deaf::TABLE)?;
            transaction.commit()?;
            Ok(found)
        };
        let found = prepare(&mut connection).map_err(refused)?;
        if found > SCHEMA {
            return Err(DatabaseError::Newer { path: path.to_owned(), found });
        }
        Ok(Self { path: path.to_owned(), connection: Mutex::new(connection) })
    }

    fn with<A>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<A>) -> Result<A, DatabaseError> {
        let mut connection: MutexGuard<'_, Connection> = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut connection).map_err(|source| DatabaseError::Refused { path: self.path.clone(), source })
    }
}

impl Database {
    /// As [`Self::with`], for what can be found out again: a power cut may take it back, whole.
    fn with_quickly<A>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<A>) -> Result<A, DatabaseError> {
        self.with(|connection| {
            connection.pragma_update(None, "synchronous", "NORMAL")?;
            let result = work(connection);
            connection.pragma_update(None, "synchronous", "FULL")?;
            result
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_schema_is_refused_in_words() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("engine.db");
        let database = Database::open(&path).unwrap();
        database.with(|connection| connection.pragma_update(None, "user_version", SCHEMA + 1)).unwrap();
        drop(database);
        let diagnostic = Diagnostic::from(Database::open(&path).unwrap_err());
        assert!(diagnostic.message.ends_with("has schema 2, this program knows up to 1"), "{diagnostic}");
        assert!(diagnostic.help.is_some());
    }

    #[test]
    fn a_file_that_is_no_database_says_where_to_look() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("engine.db");
        seaworthy_host::files::write_atomic(&path, &[b'x'; 4096], 0o600).unwrap();
        let diagnostic = Diagnostic::from(Database::open(&path).unwrap_err());
        assert!(diagnostic.help.unwrap().contains("engine.db"));
    }
}
