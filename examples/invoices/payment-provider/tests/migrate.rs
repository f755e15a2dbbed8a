//! Replicas that migrate at once: real programs on one new database.

mod support;

use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use payment_provider::database::{Database, Missing};
use sqlx::Connection;
use support::World;
use tokio::sync::Barrier;

const PROGRAMS: usize = 8;
const ROUNDS: usize = 5;

/// The real program, with nothing but its own settings.
fn start_migrate(url: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_payment-provider"))
        .arg("migrate")
        .env_clear()
        .env("DATABASE_URL", url)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn many_programs_migrate_one_database(world: World) {
    let programs: Vec<_> = (0..PROGRAMS).map(|_| start_migrate(&world.url)).collect();
    for program in programs {
        let output = program.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let database = Database::open(&world.url, Missing::Refuse).unwrap();
    database.check().await.unwrap();
    assert_eq!(database.migrate().await.unwrap(), 0, "nothing is left to do");
    let versions: i64 =
        sqlx::query_scalar("SELECT COUNT(*) FROM schema_version").fetch_one(&database.pool).await.unwrap();
    assert_eq!(versions, 1);
}

/// Programs take a while to start, and seldom meet: these all begin at the same moment.
async fn many_replicas_migrate_one_database(world: World) {
    let start = Arc::new(Barrier::new(PROGRAMS));
    let replicas: Vec<_> = (0..PROGRAMS)
        .map(|_| {
            let (start, database) = (Arc::clone(&start), Database::open(&world.url, Missing::Create).unwrap());
            tokio::spawn(async move {
                start.wait().await;
                database.migrate().await
            })
        })
        .collect();
    let mut applied = 0;
    for replica in replicas {
        applied += replica.await.unwrap().unwrap();
    }
    assert_eq!(applied, 1, "exactly one of them does it");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_replicas_migrate_one_sqlite_file() {
    for _ in 0..ROUNDS {
        many_replicas_migrate_one_database(World::sqlite()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a server: TEST_POSTGRES_URL"]
async fn many_replicas_migrate_one_postgres_database() {
    for _ in 0..ROUNDS {
        many_replicas_migrate_one_database(World::postgres().await).await;
    }
}

#[tokio::test]
async fn many_programs_migrate_one_sqlite_file() {
    many_programs_migrate_one_database(World::sqlite()).await;
}

#[tokio::test]
#[ignore = "needs a server: TEST_POSTGRES_URL"]
async fn many_programs_migrate_one_postgres_database() {
    many_programs_migrate_one_database(World::postgres().await).await;
}

/// Switching to the write-ahead log needs the file alone, and SQLite's busy timeout does not wait for that.
#[tokio::test]
async fn migrating_waits_for_a_reader_of_the_file() {
    let world = World::sqlite();
    let mut reader = sqlx::SqliteConnection::connect(&format!("{}?mode=rwc", world.url)).await.unwrap();
    sqlx::raw_sql("CREATE TABLE other (x); BEGIN; SELECT * FROM other").execute(&mut reader).await.unwrap();
    let database = Database::open(&world.url, Missing::Create).unwrap();
    let migrating = tokio::spawn(async move { database.migrate().await });
    let mut migrating = std::pin::pin!(migrating);
    let early = tokio::time::timeout(Duration::from_millis(200), &mut migrating).await;
    assert!(early.is_err(), "it did not wait: {early:?}");
    sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
    assert_eq!(migrating.await.unwrap().unwrap(), 1);
}

#[test]
fn a_database_of_an_unknown_kind_is_refused() {
    let output = start_migrate("mysql://x/y").wait_with_output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("neither `sqlite:` nor `postgres:`"));
}
