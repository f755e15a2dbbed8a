//! The database: opened, checked, brought to this program's schema, and locked for one call at a time.

use crate::StoreError;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a call waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// The schema, a migration per version: the first makes version 1 of nothing. Only ever append.
const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
];

/// What a node, or a user's own builds, remember. Calls are short and synchronous.
#[derive(Debug)]
pub struct Store {
    pub(crate) path: PathBuf,
    /// What it wrote is on the disk when a call returns.
    durable: Mutex<Connection>,
    /// What it wrote last may be lost with the power, never half.
    quick: Mutex<Connection>,
}

impl Store {
    /// Opens `<root>/store.db`, making it where there is none.
    ///
    /// # Errors
    /// [`StoreError::Newer`] when a newer program has written it, [`StoreError::Database`] when it cannot be opened.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(root).map_err(StoreError::io("make the folder", root))?;
        let path = root.join("store.db");
        create_closed(&path)?;
        let durable = connect(&path, "FULL")?;
        migrate(&durable, &path)?;
        let quick = connect(&path, "NORMAL")?;
        Ok(Self { path, durable: Mutex::new(durable), quick: Mutex::new(quick) })
    }

    /// Runs `work` in a transaction whose effects are on the disk when this returns.
    pub(crate) fn write<A>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<A, StoreError>,
    ) -> Result<A, StoreError> {
        self.transaction(&self.durable, work)
    }

    /// Runs `work` in a transaction that a power cut may take back whole.
    pub(crate) fn write_quickly<A>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<A, StoreError>,
    ) -> Result<A, StoreError> {
        self.transaction(&self.quick, work)
    }

    /// Runs `work`, which only reads, on one state of the database.
    pub(crate) fn read<A>(&self, work: impl FnOnce(&Connection) -> Result<A, StoreError>) -> Result<A, StoreError> {
        let mut connection = lock(&self.quick);
        let transaction = connection.transaction().map_err(self.failed("read"))?;
        work(&transaction).map_err(|error| self.named(error, "read"))
    }

    fn transaction<A>(
        &self,
        connection: &Mutex<Connection>,
        work: impl FnOnce(&Transaction<'_>) -> Result<A, StoreError>,
    ) -> Result<A, StoreError> {
        let mut connection = lock(connection);
        // Taking the write lock first avoids the upgrade of a read lock, which fails at once when another one writes.
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(self.failed("write"))?;
        let answer = work(&transaction).map_err(|error| self.named(error, "write"))?;
        transaction.commit().map_err(self.failed("write"))?;
        Ok(answer)
    }

    /// Says which database it was.
    fn named(&self, error: StoreError, action: &'static str) -> StoreError {
        match error {
            StoreError::Statement(source) => self.failed(action)(source),
            other => other,
        }
    }

    fn failed(&self, action: &'static str) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
        move |source| StoreError::Database { action, path: self.path.clone(), source }
    }
}

/// A panic in another call has rolled its transaction back: the connection is fine.
fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Nobody but the owner may read it: settings are in it. SQLite gives its other files the same mode.
fn create_closed(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    if path.exists() {
        return Ok(());
    }
    let created = std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    created.map(drop).map_err(StoreError::io("create", path))
}

fn connect(path: &Path, synchronous: &str) -> Result<Connection, StoreError> {
    let failed = |source| StoreError::Database { action: "open", path: path.to_owned(), source };
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.pragma_update(None, "synchronous", synchronous).map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(failed)?;
    Ok(connection)
}

fn migrate(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Database { action: "open", path: path.to_owned(), source };
    // The lock comes first: two processes that open a new store at once must not both make its tables.
    connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
    let outcome = migrate_locked(connection, path);
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.execute_batch(end).map_err(failed)?;
    outcome
}

fn migrate_locked(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let failed = |source| StoreError::Database { action: "open", path: path.to_owned(), source };
    let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let known = MIGRATIONS.len() as u32;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for migration in &MIGRATIONS[found as usize..] {
        connection.execute_batch(migration).map_err(failed)?;
    }
    if found < known {
        connection.pragma_update(None, "user_version", known).map_err(failed)?;
    }
    Ok(())
}
