//! A world of a test's own: a database, and a provider that can be made to fail.

#[allow(dead_code)] // not every test needs all of it
pub mod fake_provider;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::{AssertSqlSafe, Connection};

/// A folder that ends with its owner.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A name that no other test has, in this program or another one on the same server.
fn unique(name: &str) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
    format!("{name}_{}_{now}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A database that nobody else uses. The folder goes with it.
pub struct World {
    pub url: String,
    _folder: Option<Folder>,
}

impl World {
    pub fn sqlite() -> Self {
        let folder = Folder(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(unique("invoices")));
        std::fs::create_dir_all(&folder.0).unwrap();
        Self { url: format!("sqlite://{}/invoices.db", folder.0.display()), _folder: Some(folder) }
    }

    /// A new database on the server that `TEST_POSTGRES_URL` names (as a user who may make databases).
    pub async fn postgres() -> Self {
        let server = std::env::var("TEST_POSTGRES_URL").expect("`TEST_POSTGRES_URL` names a server for tests");
        let name = unique("invoices");
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
