//! Environments: which revision runs, which was the last good one, and what their traffic is.

use crate::json;
use crate::{Store, StoreError};
use rusqlite::{OptionalExtension as _, Row};
use seaworthy_model::Name;
use seaworthy_model::traffic::EnvironmentTraffic;

/// An environment that has had a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// The app.
    pub app: Name,
    /// The environment.
    pub environment: Name,
    /// The revision that carries its traffic; `None`: nothing runs.
    pub running: Option<u64>,
    /// The last revision whose deployment succeeded.
    pub last_good: Option<u64>,
    /// Its traffic, as it was last applied.
    pub traffic: Option<EnvironmentTraffic>,
}

impl Store {
    /// One environment; `None` if it never had a deployment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn environment(&self, app: &Name, environment: &Name) -> Result<Option<Environment>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT * FROM environments WHERE app = ?1 AND environment = ?2")?;
            Ok(statement.query_row([app.as_str(), environment.as_str()], from_row).optional()?)
        })
    }

    /// Every environment, by app and name.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn environments(&self) -> Result<Vec<Environment>, StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM environments ORDER BY app, environment")?;
            Ok(statement.query_map([], from_row)?.collect::<Result<_, _>>()?)
        })
    }

    /// Keeps an environment's traffic.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn set_traffic(&self, traffic: &EnvironmentTraffic) -> Result<(), StoreError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO environments (app, environment, traffic) VALUES (?1, ?2, ?3)
                 ON CONFLICT (app, environment) DO UPDATE SET traffic = excluded.traffic",
                (traffic.app.as_str(), traffic.environment.as_str(), json::encode(traffic)),
            )?;
            Ok(())
        })
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Environment> {
    let number = |name: &str| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(name)?.map(i64::cast_unsigned));
    let traffic = match row.get_ref("traffic")? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(json::column(row, "traffic")?),
    };
    Ok(Environment {
        app: json::word(row, "app")?,
        environment: json::word(row, "environment")?,
        running: number("running")?,
        last_good: number("last_good")?,
        traffic,
    })
}
