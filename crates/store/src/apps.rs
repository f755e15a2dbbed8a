//! Apps: which source owns a name.

use crate::{Store, StoreError};
use rusqlite::OptionalExtension as _;
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::release::Provenance;

impl Store {
    /// Binds an app's name to a source, or checks that it is bound to it.
    ///
    /// # Errors
    /// [`StoreError::OtherSource`] when it is bound to another one and `take_over` is not set.
    pub fn bind_app(&self, app: &Name, origin: &Provenance, take_over: bool) -> Result<(), StoreError> {
        self.check_app(app, origin, take_over)?;
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO apps (name, source, bound_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET source = excluded.source, bound_at = excluded.bound_at
                 WHERE source <> excluded.source",
                (app.as_str(), &origin.source, clock::rfc3339(clock::now())),
            )?;
            Ok(())
        })
    }

    /// Checks that an app's name is bound to this source, to its folder (from the time before its first commit) or to
    /// none, and changes nothing.
    ///
    /// # Errors
    /// As [`Store::bind_app`].
    pub fn check_app(&self, app: &Name, origin: &Provenance, take_over: bool) -> Result<(), StoreError> {
        let is_its = |owner: &String| *owner == origin.source || Some(owner) == origin.folder.as_ref();
        match self.source(app)? {
            Some(owner) if !is_its(&owner) && !take_over => {
                Err(StoreError::OtherSource { app: app.clone(), owner, source_wanted: origin.source.clone() })
            }
            _ => Ok(()),
        }
    }

    /// The source that an app's name is bound to.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn source(&self, app: &Name) -> Result<Option<String>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT source FROM apps WHERE name = ?1")?;
            Ok(statement.query_row([app.as_str()], |row| row.get(0)).optional()?)
        })
    }

    /// Every app, by name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn apps(&self) -> Result<Vec<Name>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT name FROM apps ORDER BY name")?;
            let names = statement.query_map([], |row| crate::json::word(row, "name"))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
    }
}
