//! `before` commands and one-off commands.

use super::{Database, DatabaseError};
use crate::wire::Exit;
use rusqlite::{OptionalExtension as _, Row, params};
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};

/// A command, from before it is started until its deployment is forgotten.
#[derive(Debug, Clone)]
pub(crate) struct CommandRecord {
    pub(crate) id: String,
    pub(crate) pool: PoolId,
    pub(crate) token: String,
    /// How it ended.
    pub(crate) exit: Option<Exit>,
}

impl Database {
    /// Takes note of a command before anything of it exists.
    pub(crate) fn put_command(
        &self,
        spec: &PoolSpec,
        deployment: Option<u64>,
        record: &CommandRecord,
    ) -> Result<(), DatabaseError> {
        self.with(|connection| {
            let statement = "INSERT INTO commands (id, app, environment, service, pool, deployment, token)
                VALUES (?, ?, ?, ?, ?, ?, ?)";
            let (app, environment, service) = (spec.app.as_str(), spec.environment.as_str(), spec.service.as_str());
            let deployment = deployment.and_then(|number| i64::try_from(number).ok());
            let values = params![record.id, app, environment, service, spec.id.0, deployment, record.token];
            connection.execute(statement, values).map(drop)
        })
    }

    pub(crate) fn command(&self, id: &str) -> Result<Option<CommandRecord>, DatabaseError> {
        self.with(|connection| {
            let statement = "SELECT id, pool, token, exit FROM commands WHERE id = ?";
            connection.query_row(statement, [id], read).optional()
        })
    }

    pub(crate) fn commands(&self) -> Result<Vec<CommandRecord>, DatabaseError> {
        self.with(|connection| {
            let mut statement = connection.prepare("SELECT id, pool, token, exit FROM commands ORDER BY id")?;
            statement.query_map([], read)?.collect()
        })
    }

    /// Takes note of how a command ended.
    pub(crate) fn set_exit(&self, id: &str, exit: &Exit) -> Result<(), DatabaseError> {
        let json = serde_json::to_string(exit).unwrap_or_default();
        let values = params![json, id];
        self.with(|connection| connection.execute("UPDATE commands SET exit = ? WHERE id = ?", values).map(drop))
    }

    pub(crate) fn forget_command(&self, id: &str) -> Result<(), DatabaseError> {
        self.with(|connection| connection.execute("DELETE FROM commands WHERE id = ?", [id]).map(drop))
    }

    /// Forgets how commands of a service ended in deployments before this one.
    pub(crate) fn forget_commands_before(&self, spec: &PoolSpec, deployment: u64) -> Result<(), DatabaseError> {
        let names: [&Name; 3] = [&spec.app, &spec.environment, &spec.service];
        let [app, environment, service] = names.map(Name::as_str);
        let deployment = i64::try_from(deployment).unwrap_or(i64::MAX);
        self.with(|connection| {
            let statement = "DELETE FROM commands WHERE app = ? AND environment = ? AND service = ?
                AND deployment < ? AND exit IS NOT NULL";
            connection.execute(statement, params![app, environment, service, deployment]).map(drop)
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<CommandRecord> {
    let exit: Option<String> = row.get(3)?;
    Ok(CommandRecord {
        id: row.get(0)?,
        pool: PoolId(row.get(1)?),
        token: row.get(2)?,
        exit: exit.and_then(|json| serde_json::from_str(&json).ok()),
    })
}
