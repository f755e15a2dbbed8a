//! The database that `DATABASE_URL` names: SQLite or PostgreSQL, with the same statements.

use std::time::{Duration, Instant};

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, AnyPool, Executor, Transaction};

const CONNECTIONS_MAX: u32 = 8;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement may wait for another program's lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const LOCK_RETRY: Duration = Duration::from_millis(20);
/// Any number will do, as long as only this service's migrations lock it.
const MIGRATION_LOCK: i64 = 0x7061_796d_656e_7473;

/// The schema, one step per version. A step that was released is never changed: add another one. Each must leave the
/// release before it working, which still serves while the step runs.
const MIGRATIONS: &[&[&str]] = &[&["CREATE TABLE payments (
        idempotency_key TEXT PRIMARY KEY,
        id TEXT NOT NULL,
        value BIGINT NOT NULL CHECK (value > 0),
        currency TEXT NOT NULL,
        paid_at_ms BIGINT NOT NULL
    )"]];

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

/// What to do when the file of a SQLite database does not exist.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Missing {
    Create,
    Refuse,
}

#[derive(Clone)]
pub struct Database {
    pub pool: AnyPool,
    backend: Backend,
}

#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("`DATABASE_URL` begins with neither `sqlite:` nor `postgres:`")]
    UnknownBackend,
    #[error("the database refused: {0}")]
    Sqlx(#[from] sqlx::Error),
    #[error("the database cannot keep a write-ahead log, without which replicas block each other (mode `{0}`)")]
    NoWriteAheadLog(String),
}

impl Database {
    /// Opens no connection yet: a database that is not there shows when it is needed.
    pub fn open(url: &str, missing: Missing) -> Result<Self, DatabaseError> {
        sqlx::any::install_default_drivers();
        let backend = backend_of(url)?;
        let options: AnyConnectOptions = url_with_mode(url, backend, missing).parse()?;
        let pool = AnyPoolOptions::new()
            .max_connections(CONNECTIONS_MAX)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .after_connect(move |connection, _| {
                Box::pin(async move { connection.execute(session_setting(backend)).await.map(|_| ()) })
            })
            .connect_lazy_with(options);
        Ok(Self { pool, backend })
    }

    /// Applies what is missing of the schema, all or nothing, and returns the number of steps. Any number of programs
    /// may do this at once: one does it, the others wait and find it done.
    pub async fn migrate(&self) -> Result<usize, DatabaseError> {
        let mut transaction = match self.backend {
            Backend::Sqlite => {
                self.keep_write_ahead_log().await?;
                // A plain BEGIN would take the lock too late, after reading a version that is no longer true.
                self.pool.begin_with("BEGIN IMMEDIATE").await?
            }
            Backend::Postgres => {
                let mut transaction = self.pool.begin().await?;
                let lock = sqlx::query("SELECT CAST(pg_advisory_xact_lock($1) AS TEXT)").bind(MIGRATION_LOCK);
                lock.execute(&mut *transaction).await?;
                transaction
            }
        };
        let applied = apply_migrations(&mut transaction).await?;
        transaction.commit().await?;
        Ok(applied)
    }

    /// Whether the database answers and has our tables.
    pub async fn check(&self) -> Result<(), sqlx::Error> {
        sqlx::query("SELECT value FROM payments LIMIT 1").fetch_optional(&self.pool).await.map(|_| ())
    }

    /// The mode stays in the file. Switching needs the file alone, and SQLite does not wait for that: we do.
    async fn keep_write_ahead_log(&self) -> Result<(), DatabaseError> {
        let deadline = Instant::now() + LOCK_TIMEOUT;
        loop {
            match sqlx::query_scalar::<_, String>("PRAGMA journal_mode = WAL").fetch_one(&self.pool).await {
                Ok(mode) if mode == "wal" => return Ok(()),
                Ok(mode) => return Err(DatabaseError::NoWriteAheadLog(mode)),
                Err(sqlx::Error::Database(_)) if Instant::now() < deadline => tokio::time::sleep(LOCK_RETRY).await,
                Err(error) => return Err(error.into()),
            }
        }
    }
}

async fn apply_migrations(transaction: &mut Transaction<'_, Any>) -> Result<usize, sqlx::Error> {
    transaction.execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)").await?;
    let newest = sqlx::query_scalar::<_, i64>("SELECT COALESCE(MAX(version), 0) FROM schema_version");
    let newest = newest.fetch_one(&mut **transaction).await?;
    let mut applied = 0;
    for (version, statements) in (1_i64..).zip(MIGRATIONS).filter(|(version, _)| *version > newest) {
        for statement in *statements {
            transaction.execute(*statement).await?;
        }
        let record = sqlx::query("INSERT INTO schema_version (version) VALUES ($1)").bind(version);
        record.execute(&mut **transaction).await?;
        applied += 1;
    }
    Ok(applied)
}

fn backend_of(url: &str) -> Result<Backend, DatabaseError> {
    match url.split(':').next() {
        Some("sqlite") => Ok(Backend::Sqlite),
        Some("postgres" | "postgresql") => Ok(Backend::Postgres),
        _ => Err(DatabaseError::UnknownBackend),
    }
}

fn url_with_mode(url: &str, backend: Backend, missing: Missing) -> String {
    match (backend, missing) {
        (Backend::Postgres, _) => url.into(),
        (Backend::Sqlite, _) if url.contains('?') => url.into(),
        (Backend::Sqlite, Missing::Create) => format!("{url}?mode=rwc"),
        (Backend::Sqlite, Missing::Refuse) => format!("{url}?mode=rw"),
    }
}

fn session_setting(backend: Backend) -> &'static str {
    match backend {
        Backend::Sqlite => "PRAGMA busy_timeout = 10000",
        Backend::Postgres => "SET statement_timeout = '10s'",
    }
}
