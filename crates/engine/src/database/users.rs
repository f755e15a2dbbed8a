//! User ids.

use super::{Database, DatabaseError};
use rusqlite::{OptionalExtension as _, params};
use seaworthy_model::Name;
use std::ops::Range;

impl Database {
    /// The slot of the machine's user ids that this home had before.
    pub(crate) fn user_slot(&self) -> Result<Option<u32>, DatabaseError> {
        self.with(|connection| connection.query_row("SELECT slot FROM user_slot", [], |row| row.get(0)).optional())
    }

    pub(crate) fn set_user_slot(&self, slot: u32) -> Result<(), DatabaseError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            transaction.execute("DELETE FROM user_slot", [])?;
            transaction.execute("INSERT INTO user_slot (slot) VALUES (?)", [slot])?;
            transaction.commit()
        })
    }

    /// The user id of a service, given out of `range` the first time and kept; `None` when all are given.
    pub(crate) fn user(
        &self,
        app: &Name,
        environment: &Name,
        service: &Name,
        range: &Range<u32>,
    ) -> Result<Option<u32>, DatabaseError> {
        self.user_of([app.as_str(), environment.as_str(), service.as_str()], range)
    }

    /// The user id that an app's builds run as, likewise. No environment has an empty name.
    pub(crate) fn build_user(&self, app: &Name, range: &Range<u32>) -> Result<Option<u32>, DatabaseError> {
        self.user_of([app.as_str(), "", "build"], range)
    }

    fn user_of(&self, names: [&str; 3], range: &Range<u32>) -> Result<Option<u32>, DatabaseError> {
        self.with(|connection| {
            let transaction = connection.transaction()?;
            let statement = "SELECT uid FROM users WHERE app = ? AND environment = ? AND service = ?";
            if let Some(uid) = transaction.query_row(statement, names, |row| row.get(0)).optional()? {
                return Ok(Some(uid));
            }
            let highest: Option<u32> = transaction.query_row("SELECT max(uid) FROM users", [], |row| row.get(0))?;
            let uid = highest.map_or(range.start, |highest| highest + 1);
            if !range.contains(&uid) {
                return Ok(None);
            }
            let statement = "INSERT INTO users (app, environment, service, uid) VALUES (?, ?, ?, ?)";
            transaction.execute(statement, params![names[0], names[1], names[2], uid])?;
            transaction.commit()?;
            Ok(Some(uid))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_keeps_its_user_and_shares_it_with_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let database = Database::open(&directory.path().join("engine.db")).unwrap();
        let name = |text: &str| Name::new(text).unwrap();
        let user = |service: &str, range: Range<u32>| {
            database.user(&name("app"), &name("prod"), &name(service), &range).unwrap()
        };
        assert_eq!(user("a", 100..102), Some(100));
        assert_eq!(user("b", 100..102), Some(101));
        assert_eq!(user("a", 100..102), Some(100));
        assert_eq!(user("c", 100..102), None);
    }
}
