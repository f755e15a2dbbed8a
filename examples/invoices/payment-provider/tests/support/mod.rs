//! Databases of a test's own.

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
        let folder = Folder(PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(unique("payments")));
        std::fs::create_dir_all(&folder.0).unwrap();
        Self { url: format!("sqlite://{}/payments.db", folder.0.display()), _folder: Some(folder) }
    }

    /// A new database on the server that `TEST_POSTGRES_URL` names (as a user who may make databases).
    pub async fn postgres() -> Self {
        let server = std::env::var("TEST_POSTGRES_URL").expect("`TEST_POSTGRES_URL` names a server for tests");
        let name = unique("payments");
        let mut connection = sqlx::PgConnection::connect(&server).await.unwrap();
        sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
        let (before, query) = server.split_once('?').unwrap_or((&server, ""));
        let host = before.find("://").expect("a URL") + 3;
        let host_end = before[host..].find('/').map_or(before.len(), |slash| host + slash);
        Self { url: format!("{}/{name}?{query}", &before[..host_end]), _folder: None }
    }
}
