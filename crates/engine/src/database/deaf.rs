//! Services whose programs do not end on SIGTERM, as their last stop has shown.

use super::{Database, DatabaseError};
use rusqlite::params;
use seaworthy_model::Name;
use seaworthy_model::pool::PoolSpec;
use std::collections::BTreeSet;

/// Made where it is missing, without a new version of the schema: who does not know it misses nothing.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS deaf (
    app         TEXT NOT NULL,
    environment TEXT NOT NULL,
    service     TEXT NOT NULL,
    PRIMARY KEY (app, environment, service)
) STRICT;";

impl Database {
    /// Takes note of how an instance of a pool has ended: whether it had to be killed after its grace time.
    pub(crate) fn set_deaf(&self, pool: &PoolSpec, deaf: bool) -> Result<(), DatabaseError> {
        let statement = match deaf {
            true => "INSERT OR IGNORE INTO deaf (app, environment, service) VALUES (?, ?, ?)",
            false => "DELETE FROM deaf WHERE app = ? AND environment = ? AND service = ?",
        };
        let values = params![pool.app.as_str(), pool.environment.as_str(), pool.service.as_str()];
        self.with_quickly(|connection| connection.execute(statement, values).map(drop))
    }

    /// The services of an environment that had to be killed when they last ended.
    pub(crate) fn deaf(&self, app: &Name, environment: &Name) -> Result<BTreeSet<String>, DatabaseError> {
        self.with(|connection| {
            let mut statement = connection.prepare("SELECT service FROM deaf WHERE app = ? AND environment = ?")?;
            statement.query_map([app.as_str(), environment.as_str()], |row| row.get(0))?.collect()
        })
    }
}
