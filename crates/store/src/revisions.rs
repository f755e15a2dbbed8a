//! Revisions: immutable, numbered within their environment.

use crate::json;
use crate::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _};
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::deployment::Revision;

impl Store {
    /// Keeps a revision under the next number of its environment, whatever number it has; returns it with that number.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_revision(&self, revision: &Revision) -> Result<Revision, StoreError> {
        self.write(|transaction| {
            let number = next_number(transaction, &revision.app, &revision.environment)?;
            let revision = Revision { number, ..revision.clone() };
            transaction.execute(
                "INSERT INTO revisions (app, environment, number, digest, revision, made_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    revision.app.as_str(),
                    revision.environment.as_str(),
                    number.cast_signed(),
                    revision.release.to_string(),
                    json::encode(&revision),
                    clock::rfc3339(clock::now()),
                ),
            )?;
            Ok(revision)
        })
    }

    /// The number that the next revision of an environment would get.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn next_revision_number(&self, app: &Name, environment: &Name) -> Result<u64, StoreError> {
        self.read(|connection| next_number(connection, app, environment))
    }

    /// A revision by its number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn revision(&self, app: &Name, environment: &Name, number: u64) -> Result<Option<Revision>, StoreError> {
        let text: Option<String> = self.read(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT revision FROM revisions WHERE app = ?1 AND environment = ?2 AND number = ?3")?;
            let parameters = (app.as_str(), environment.as_str(), number.cast_signed());
            Ok(statement.query_row(parameters, |row| row.get(0)).optional()?)
        })?;
        text.map(|text| json::decode("revision", &text)).transpose()
    }

    /// Where `rollback` leads: the newest revision before this one whose deployment succeeded.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn good_revision_before(&self, app: &Name, environment: &Name, number: u64) -> Result<Option<u64>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT max(to_revision) FROM deployments
                 WHERE app = ?1 AND environment = ?2 AND outcome = 'succeeded' AND to_revision < ?3",
            )?;
            let parameters = (app.as_str(), environment.as_str(), number.cast_signed());
            let found: Option<i64> = statement.query_row(parameters, |row| row.get(0))?;
            Ok(found.map(i64::cast_unsigned))
        })
    }
}

/// Numbers are never used again, also not those of revisions that were removed: the newest is never removed.
fn next_number(connection: &Connection, app: &Name, environment: &Name) -> Result<u64, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT coalesce(max(number), 0) + 1 FROM revisions WHERE app = ?1 AND environment = ?2")?;
    let number: i64 = statement.query_row([app.as_str(), environment.as_str()], |row| row.get(0))?;
    Ok(number.cast_unsigned())
}
