//! What environments follow, and the runs that came of it.

use crate::json;
use crate::{Store, StoreError};
use rusqlite::{OptionalExtension as _, Row};
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::run::{Follower, Run};

/// How many runs of one app are remembered.
const RUNS_MAX: u32 = 200;

impl Store {
    /// Writes down what an environment follows from now on.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_follower(&self, follower: &Follower) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO followers (app, environment, follower, since) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (app, environment) DO UPDATE SET follower = excluded.follower",
                (
                    follower.app.as_str(),
                    follower.environment.as_str(),
                    json::encode(follower),
                    clock::rfc3339(clock::now()),
                ),
            )?;
            Ok(())
        })
    }

    /// An environment follows nothing any more; whether it followed something.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn remove_follower(&self, app: &Name, environment: &Name) -> Result<bool, StoreError> {
        self.write(|transaction| {
            let place = [app.as_str(), environment.as_str()];
            Ok(transaction.execute("DELETE FROM followers WHERE app = ?1 AND environment = ?2", place)? > 0)
        })
    }

    /// Every environment that follows something, by app and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn followers(&self) -> Result<Vec<Follower>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT follower FROM followers ORDER BY app, environment")?;
            Ok(statement.query_map([], |row| json::column(row, "follower"))?.collect::<Result<_, _>>()?)
        })
    }

    /// Keeps a new run; returns it with its number. The oldest that are done go, if there are too many.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn add_run(&self, run: &Run) -> Result<Run, StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO runs (app, source, commit_id, state, run, queued_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (
                    run.app.as_str(),
                    json::encode(&run.source),
                    &run.commit,
                    json::to_word(&run.state),
                    json::encode(run),
                    &run.queued_at,
                ),
            )?;
            let id = transaction.last_insert_rowid().cast_unsigned();
            transaction.execute(
                "DELETE FROM runs WHERE app = ?1 AND state = 'done' AND id NOT IN
                 (SELECT id FROM runs WHERE app = ?1 ORDER BY id DESC LIMIT ?2)",
                (run.app.as_str(), RUNS_MAX),
            )?;
            Ok(Run { id, ..run.clone() })
        })
    }

    /// Writes down how a run stands.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when there is no such run.
    pub fn set_run(&self, run: &Run) -> Result<(), StoreError> {
        self.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE runs SET state = ?2, run = ?3 WHERE id = ?1",
                (run.id.cast_signed(), json::to_word(&run.state), json::encode(run)),
            )?;
            if changed == 0 {
                return Err(StoreError::Unknown { what: "run", id: run.id.to_string() });
            }
            Ok(())
        })
    }

    /// The last runs of an app, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn runs(&self, app: &Name, limit: u32) -> Result<Vec<Run>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, run FROM runs WHERE app = ?1 ORDER BY id DESC LIMIT ?2")?;
            Ok(statement.query_map((app.as_str(), limit), from_row)?.collect::<Result<_, _>>()?)
        })
    }

    /// Every run that is not done, oldest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn unfinished_runs(&self) -> Result<Vec<Run>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT id, run FROM runs WHERE state <> 'done' ORDER BY id")?;
            Ok(statement.query_map([], from_row)?.collect::<Result<_, _>>()?)
        })
    }

    /// A run by its number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn run(&self, id: u64) -> Result<Option<Run>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT id, run FROM runs WHERE id = ?1")?;
            Ok(statement.query_row([id.cast_signed()], from_row).optional()?)
        })
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Run> {
    let id = row.get::<_, i64>("id")?.cast_unsigned();
    Ok(Run { id, ..json::column(row, "run")? })
}
