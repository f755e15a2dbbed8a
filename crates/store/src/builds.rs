//! What building has made before: the index of a store of builds.

use crate::{Store, StoreError};
use rusqlite::OptionalExtension as _;
use seaworthy_host::clock;
use seaworthy_model::Digest;

/// The most outputs that are remembered; those not used for the longest time go first.
const BUILDS_MAX: u32 = 10_000;

impl Store {
    /// Remembers that everything with digest `input` built to `output`.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remember_build(&self, input: &Digest, output: &Digest) -> Result<(), StoreError> {
        self.write_quickly(|transaction| {
            transaction.execute(
                "INSERT OR REPLACE INTO builds (input, output, used_at) VALUES (?1, ?2, ?3)",
                (input.to_string(), output.to_string(), clock::rfc3339(clock::now())),
            )?;
            transaction.execute(
                "DELETE FROM builds WHERE input IN
                 (SELECT input FROM builds ORDER BY used_at DESC, input LIMIT -1 OFFSET ?1)",
                [BUILDS_MAX],
            )?;
            Ok(())
        })
    }

    /// What everything with digest `input` built to, if it is remembered.
    ///
    /// # Errors
    /// When the database cannot be read or written.
    pub fn recall_build(&self, input: &Digest) -> Result<Option<Digest>, StoreError> {
        self.write_quickly(|transaction| {
            let mut statement =
                transaction.prepare_cached("UPDATE builds SET used_at = ?2 WHERE input = ?1 RETURNING output")?;
            let parameters = (input.to_string(), clock::rfc3339(clock::now()));
            Ok(statement.query_row(parameters, |row| crate::json::word(row, "output")).optional()?)
        })
    }
}
