//! A world of a test's own: a database, and a provider that can be made to fail.

#[allow(dead_code)] // not every test needs all of it
pub mod fake_provider;

use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::{AssertSqlSafe, Connection};
use tempfile::TempDir;

/// A database that nobody else uses. The folder goes with it.
pub struct World {
    pub url: String,
    _folder: Option<TempDir>,
}

impl World {
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite://{}/invoices.db", folder.path().display()), _folder: Some(folder) }
    }

    /// A new database on the server that `TEST_POSTGRES_URL` names (as a user who may make databases).
    pub async fn postgres() -> Self {
        let server = std::env::var("TEST_POSTGRES_URL").expect("`TEST_POSTGRES_URL` names a server for tests");
        let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("invoices_{}_{nanoseconds}", std::process::id());
        let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
        let (before, query) = server.split_once('?').unwrap_or((&server, ""));
        let host = before.find("://").expect("a URL") + 3;
        let host_end = before[host..].find('/').map_or(before.len(), |slash| host + slash);
        Self { url: format!("{}/{name}?{query}", &before[..host_end]), _folder: None }
    }
}

/// Each scenario runs on both databases. Those on PostgreSQL run where there is a server: `-- --include-ignored`.
#[macro_export]
macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $scenario() { super::$scenario(super::World::sqlite()).await })+
        }
        mod postgres {
            $(
                #[tokio::test]
                #[ignore = "needs a server: TEST_POSTGRES_URL"]
                async fn $scenario() { super::$scenario(super::World::postgres().await).await }
            )+
        }
    };
}
