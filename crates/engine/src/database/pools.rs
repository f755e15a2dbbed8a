//! Pools.

use super::{Database, DatabaseError};
use rusqlite::{Row, params};
use seaworthy_model::Name;
use seaworthy_model::pool::{PoolId, PoolSpec};

/// A pool that is to run, or whose end is under way.
#[derive(Debug, Clone)]
pub(crate) struct PoolRecord {
    /// What it is.
    pub(crate) spec: PoolSpec,
    /// False: its end is under way.
    pub(crate) wanted: bool,
}

impl Database {
    /// Takes note that a pool is to run.
    pub(crate) fn want_pool(&self, spec: &PoolSpec) -> Result<(), DatabaseError> {
        let json = serde_json::to_string(spec).unwrap_or_default();
        self.with(|connection| {
            let statement = "INSERT INTO pools (id, app, environment, service, spec, wanted) VALUES (?, ?, ?, ?, ?, 1)
                ON CONFLICT (id) DO UPDATE SET spec = excluded.spec, wanted = 1";
            let (app, environment, service) = (spec.app.as_str(), spec.environment.as_str(), spec.service.as_str());
            connection.execute(statement, params![spec.id.0, app, environment, service, json]).map(drop)
        })
    }

    /// Takes note that a pool is to end.
    pub(crate) fn unwant_pool(&self, id: &PoolId) -> Result<(), DatabaseError> {
        self.with(|connection| connection.execute("UPDATE pools SET wanted = 0 WHERE id = ?", [&id.0]).map(drop))
    }

    /// Forgets a pool that has no instances left.
    pub(crate) fn forget_pool(&self, id: &PoolId) -> Result<(), DatabaseError> {
        self.with(|connection| {
            let statement = "DELETE FROM pools WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM instances WHERE pool = ?1)";
            connection.execute(statement, [&id.0]).map(drop)
        })
    }

    pub(crate) fn pool(&self, id: &PoolId) -> Result<Option<PoolRecord>, DatabaseError> {
        let all = self.pools_where("id = ?1", &[&id.0])?;
        Ok(all.into_iter().next())
    }

    pub(crate) fn pools(&self) -> Result<Vec<PoolRecord>, DatabaseError> {
        self.pools_where("1", &[])
    }

    /// Pools of an environment that have instances.
    pub(crate) fn pools_of(&self, app: &Name, environment: &Name) -> Result<Vec<PoolId>, DatabaseError> {
        let condition = "app = ?1 AND environment = ?2 AND EXISTS (SELECT 1 FROM instances WHERE pool = pools.id)";
        let found = self.pools_where(condition, &[&app.as_str(), &environment.as_str()])?;
        Ok(found.into_iter().map(|record| record.spec.id).collect())
    }

    fn pools_where(&self, condition: &str, values: &[&dyn rusqlite::ToSql]) -> Result<Vec<PoolRecord>, DatabaseError> {
        self.with(|connection| {
            let text = format!("SELECT spec, wanted FROM pools WHERE {condition} ORDER BY id");
            let mut statement = connection.prepare(&text)?;
            statement.query_map(values, read)?.collect()
        })
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<PoolRecord> {
    let json: String = row.get(0)?;
    let spec = serde_json::from_str(&json)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(error)))?;
    Ok(PoolRecord { spec, wanted: row.get(1)? })
}
