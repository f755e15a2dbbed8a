//! Deployments: what was tried, by whom, and what came of it.

use crate::json;
use crate::{Store, StoreError};
use rusqlite::{OptionalExtension as _, Row, Transaction};
use seaworthy_diagnostics::Diagnostic;
use seaworthy_host::clock;
use seaworthy_model::Name;
use seaworthy_model::deployment::{Actor, Outcome, Verb};
use serde_json::Value;

/// How many deployments of one environment are remembered, with their journals and events.
const DEPLOYMENTS_MAX: u32 = 1_000;

/// A deployment that is about to begin.
#[derive(Debug, Clone)]
pub struct NewDeployment {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// What was asked.
    pub verb: Verb,
    /// Who asked.
    pub actor: Actor,
    /// The revision that serves.
    pub from: Option<u64>,
    /// The revision that shall serve.
    pub to: Option<u64>,
    /// What will be done, for whoever has to finish it.
    pub plan: Value,
}

/// A deployment.
#[derive(Debug, Clone, PartialEq)]
pub struct Deployment {
    /// Its number on this node.
    pub id: u64,
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// What was asked.
    pub verb: Verb,
    /// Who asked.
    pub actor: Actor,
    /// The revision that served.
    pub from: Option<u64>,
    /// The revision that was to serve.
    pub to: Option<u64>,
    /// How it ended, or that it has not.
    pub outcome: Outcome,
    /// Why it is not better.
    pub failure: Option<Diagnostic>,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339.
    pub ended_at: Option<String>,
}

impl Store {
    /// Writes a deployment down, under way; returns its number.
    ///
    /// # Errors
    /// [`StoreError::UnderWay`] when the environment has one under way: who began it, and when.
    pub fn begin_deployment(&self, new: &NewDeployment) -> Result<u64, StoreError> {
        self.write(|transaction| {
            if let Some(other) = under_way(transaction, &new.app, &new.environment)? {
                return Err(StoreError::UnderWay {
                    deployment: other.id,
                    environment: other.environment,
                    actor: Box::new(other.actor),
                    started_at: other.started_at,
                });
            }
            let place = [new.app.as_str(), new.environment.as_str()];
            transaction.execute("INSERT OR IGNORE INTO environments (app, environment) VALUES (?1, ?2)", place)?;
            transaction.execute(
                "INSERT INTO deployments
                 (app, environment, verb, actor, from_revision, to_revision, plan, outcome, started_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                (
                    new.app.as_str(),
                    new.environment.as_str(),
                    json::to_word(&new.verb),
                    json::encode(&new.actor),
                    new.from.map(u64::cast_signed),
                    new.to.map(u64::cast_signed),
                    new.plan.to_string(),
                    json::to_word(&Outcome::Running),
                    clock::rfc3339(clock::now()),
                ),
            )?;
            let id = transaction.last_insert_rowid().cast_unsigned();
            forget_old(transaction, place)?;
            Ok(id)
        })
    }

    /// Writes down how a deployment stands, and which revision carries its environment's traffic by that.
    ///
    /// # Errors
    /// [`StoreError::Unknown`] when there is no such deployment.
    pub fn set_outcome(
        &self,
        deployment: u64,
        serving: Option<u64>,
        outcome: Outcome,
        failure: Option<&Diagnostic>,
    ) -> Result<(), StoreError> {
        let ended_at = outcome.is_final().then(|| clock::rfc3339(clock::now()));
        self.write(|transaction| {
            let changed = transaction.execute(
                "UPDATE deployments SET outcome = ?2, failure = ?3, ended_at = ?4 WHERE id = ?1",
                (deployment.cast_signed(), json::to_word(&outcome), failure.map(json::encode), ended_at),
            )?;
            if changed == 0 {
                return Err(StoreError::Unknown { what: "deployment", id: deployment.to_string() });
            }
            transaction.execute(
                "UPDATE environments
                 SET running = ?2, last_good = CASE WHEN ?3 THEN coalesce(?2, last_good) ELSE last_good END
                 WHERE (app, environment) = (SELECT app, environment FROM deployments WHERE id = ?1)",
                (deployment.cast_signed(), serving.map(u64::cast_signed), outcome == Outcome::Succeeded),
            )?;
            Ok(())
        })
    }

    /// A deployment by its number.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn deployment(&self, id: u64) -> Result<Option<Deployment>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM deployments WHERE id = ?1")?;
            Ok(statement.query_row([id.cast_signed()], from_row).optional()?)
        })
    }

    /// The plan of a deployment, as it was written down when it began.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn deployment_plan(&self, id: u64) -> Result<Option<Value>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT plan FROM deployments WHERE id = ?1")?;
            Ok(statement.query_row([id.cast_signed()], |row| json::column(row, "plan")).optional()?)
        })
    }

    /// The deployment of an environment that is under way or bakes.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn deployment_under_way(&self, app: &Name, environment: &Name) -> Result<Option<Deployment>, StoreError> {
        self.read(|connection| under_way(connection, app, environment))
    }

    /// The last deployments of an environment, newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn deployments(&self, app: &Name, environment: &Name, limit: u32) -> Result<Vec<Deployment>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT * FROM deployments WHERE app = ?1 AND environment = ?2 ORDER BY id DESC LIMIT ?3",
            )?;
            let rows = statement.query_map((app.as_str(), environment.as_str(), limit), from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn under_way(
    connection: &rusqlite::Connection,
    app: &Name,
    environment: &Name,
) -> Result<Option<Deployment>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT * FROM deployments WHERE app = ?1 AND environment = ?2 AND ended_at IS NULL")?;
    Ok(statement.query_row([app.as_str(), environment.as_str()], from_row).optional()?)
}

fn forget_old(transaction: &Transaction<'_>, place: [&str; 2]) -> Result<(), StoreError> {
    // The last success stays however old it is: a rollback looks for it here.
    transaction.execute(
        "DELETE FROM deployments WHERE app = ?1 AND environment = ?2 AND ended_at IS NOT NULL AND id NOT IN
         (SELECT id FROM deployments WHERE app = ?1 AND environment = ?2 ORDER BY id DESC LIMIT ?3)
         AND id NOT IN (SELECT id FROM deployments WHERE app = ?1 AND environment = ?2 AND outcome = 'succeeded'
                        ORDER BY id DESC LIMIT 2)",
        (place[0], place[1], DEPLOYMENTS_MAX),
    )?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Deployment> {
    let failure: Option<String> = row.get("failure")?;
    Ok(Deployment {
        id: row.get::<_, i64>("id")?.cast_unsigned(),
        app: json::word(row, "app")?,
        environment: json::word(row, "environment")?,
        verb: json::word(row, "verb")?,
        actor: json::column(row, "actor")?,
        from: row.get::<_, Option<i64>>("from_revision")?.map(i64::cast_unsigned),
        to: row.get::<_, Option<i64>>("to_revision")?.map(i64::cast_unsigned),
        outcome: json::word(row, "outcome")?,
        failure: failure.map(|_| json::column(row, "failure")).transpose()?,
        started_at: row.get("started_at")?,
        ended_at: row.get("ended_at")?,
    })
}
