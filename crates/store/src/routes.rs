//! Who owns which host and path on this node.

use crate::{Store, StoreError};
use rusqlite::{Connection, OptionalExtension as _};
use seaworthy_model::Name;

/// A host (lower case, without port) and a path.
pub type Place = (String, String);

impl Store {
    /// Checks that nobody else owns any of these places.
    ///
    /// # Errors
    /// [`StoreError::RouteTaken`] names the owner.
    pub fn check_routes(&self, app: &Name, environment: &Name, places: &[Place]) -> Result<(), StoreError> {
        self.read(|connection| check(connection, app, environment, places))
    }

    /// Makes an environment own these places beside those that it has: both revisions need theirs while one follows the
    /// other.
    ///
    /// # Errors
    /// [`StoreError::RouteTaken`] names the owner; nothing is changed then.
    pub fn claim_routes(&self, app: &Name, environment: &Name, places: &[Place]) -> Result<(), StoreError> {
        self.write(|transaction| {
            check(transaction, app, environment, places)?;
            for (host, path) in places {
                transaction.execute(
                    "INSERT OR IGNORE INTO route_owners (host, path, app, environment) VALUES (?1, ?2, ?3, ?4)",
                    [host, path, app.as_str(), environment.as_str()],
                )?;
            }
            Ok(())
        })
    }

    /// Gives up all places of an environment but these.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub fn keep_routes(&self, app: &Name, environment: &Name, places: &[Place]) -> Result<(), StoreError> {
        self.write(|transaction| {
            let owned: Vec<Place> = {
                let mut statement =
                    transaction.prepare("SELECT host, path FROM route_owners WHERE app = ?1 AND environment = ?2")?;
                let rows =
                    statement.query_map([app.as_str(), environment.as_str()], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect::<Result<_, _>>()?
            };
            for (host, path) in owned.iter().filter(|place| !places.contains(place)) {
                transaction.execute("DELETE FROM route_owners WHERE host = ?1 AND path = ?2", [host, path])?;
            }
            Ok(())
        })
    }
}

fn check(connection: &Connection, app: &Name, environment: &Name, places: &[Place]) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT app, environment FROM route_owners
         WHERE host = ?1 AND path = ?2 AND NOT (app = ?3 AND environment = ?4)",
    )?;
    for (host, path) in places {
        let owner = statement
            .query_row([host, path, app.as_str(), environment.as_str()], |row| {
                Ok((crate::json::word(row, "app")?, crate::json::word(row, "environment")?))
            })
            .optional()?;
        if let Some((owner_app, owner_environment)) = owner {
            return Err(StoreError::RouteTaken {
                host: host.clone(),
                path: path.clone(),
                owner_app,
                owner_environment,
            });
        }
    }
    Ok(())
}
