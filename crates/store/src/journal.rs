//! A deployment's progress, for whoever has to finish it, and its events, for whoever follows it.

use crate::json;
use crate::{Store, StoreError};
use seaworthy_host::clock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The most events of one deployment; later ones are dropped, its outcome is known all the same.
const EVENTS_MAX: i64 = 10_000;

/// An event of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredEvent {
    /// Counts from 1 within the deployment.
    pub sequence: u64,
    /// RFC 3339.
    pub at: String,
    /// What happened.
    pub event: Value,
}

impl Store {
    /// Adds an entry to a deployment's journal; it is on the disk when this returns.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_journal_entry<T: Serialize>(&self, deployment: u64, entry: &T) -> Result<(), StoreError> {
        self.write(|transaction| {
            let mut statement = transaction.prepare_cached(
                "INSERT INTO journal (deployment, sequence, entry)
                 SELECT ?1, coalesce(max(sequence), 0) + 1, ?2 FROM journal WHERE deployment = ?1",
            )?;
            statement.execute((deployment.cast_signed(), json::encode(entry)))?;
            Ok(())
        })
    }

    /// A deployment's journal, oldest first.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when an entry is not a `T`.
    pub fn journal<T: DeserializeOwned>(&self, deployment: u64) -> Result<Vec<T>, StoreError> {
        let texts: Vec<String> = self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT entry FROM journal WHERE deployment = ?1 ORDER BY sequence")?;
            let rows = statement.query_map([deployment.cast_signed()], |row| row.get(0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })?;
        texts.iter().map(|text| json::decode("journal", text)).collect()
    }

    /// Adds an event to a deployment; returns it as it is kept (`None`: the deployment has told too much already).
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_event<T: Serialize>(&self, deployment: u64, event: &T) -> Result<Option<StoredEvent>, StoreError> {
        let at = clock::rfc3339(clock::now());
        let text = json::encode(event);
        self.write_quickly(|transaction| {
            let mut statement = transaction
                .prepare_cached("SELECT coalesce(max(sequence), 0) + 1 FROM events WHERE deployment = ?1")?;
            let sequence: i64 = statement.query_row([deployment.cast_signed()], |row| row.get(0))?;
            if sequence > EVENTS_MAX {
                return Ok(None);
            }
            let mut statement = transaction
                .prepare_cached("INSERT INTO events (deployment, sequence, at, event) VALUES (?1, ?2, ?3, ?4)")?;
            statement.execute((deployment.cast_signed(), sequence, &at, &text))?;
            let event = json::decode("event", &text)?;
            Ok(Some(StoredEvent { sequence: sequence.cast_unsigned(), at: at.clone(), event }))
        })
    }

    /// The events of a deployment after a sequence number (0: from the first), at most `limit`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn events(&self, deployment: u64, after: u64, limit: u32) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT * FROM events WHERE deployment = ?1 AND sequence > ?2 ORDER BY sequence LIMIT ?3",
            )?;
            let rows = statement.query_map((deployment.cast_signed(), after.cast_signed(), limit), |row| {
                Ok(StoredEvent {
                    sequence: row.get::<_, i64>("sequence")?.cast_unsigned(),
                    at: row.get("at")?,
                    event: json::column(row, "event")?,
                })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
