//! Invoices in the database. Whatever must hold between replicas is decided here, each time by one statement.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sqlx::Row;
use sqlx::any::AnyRow;

use crate::database::{Backend, Database};
use crate::invoice::{Due, Invoice};

/// The most invoices of one listing.
pub const LIST_MAX: i64 = 1000;
const PROBLEM_CHARACTERS_MAX: usize = 500;

/// An invoice that is ours to pay until a certain time. No later claim of it ends at that same time, which therefore
/// says whose it is.
#[derive(Clone, Debug)]
pub struct Claim {
    pub due: Due,
    until_ms: i64,
}

#[derive(Debug, PartialEq)]
pub enum Added {
    New,
    /// The very same invoice was there.
    Known,
    /// Another invoice has that `id`.
    Taken,
}

impl Database {
    /// Invoices in the order of their ids, from the one after `after`; at most [`LIST_MAX`].
    pub async fn invoices(&self, after: &str) -> Result<Vec<Invoice>, sqlx::Error> {
        let statement = "SELECT id, value, currency, state, paid_at_ms, problem FROM invoices
             WHERE id > $1 ORDER BY id LIMIT $2";
        sqlx::query(statement).bind(after).bind(LIST_MAX).try_map(invoice_of).fetch_all(&self.pool).await
    }

    pub async fn add(&self, due: &Due) -> Result<Added, sqlx::Error> {
        let statement = "INSERT INTO invoices (id, value, currency, state) VALUES ($1, $2, $3, 'unpaid')
             ON CONFLICT (id) DO NOTHING";
        let insert = sqlx::query(statement).bind(&due.id).bind(due.value).bind(&due.currency);
        if insert.execute(&self.pool).await?.rows_affected() == 1 {
            return Ok(Added::New);
        }
        let known = sqlx::query("SELECT id, value, currency FROM invoices WHERE id = $1").bind(&due.id);
        let known = known.try_map(|row| due_of(&row)).fetch_one(&self.pool).await?;
        Ok(if known == *due { Added::Known } else { Added::Taken })
    }

    /// Takes up to `count` unpaid invoices that nobody else is paying. A claim outlives a crash of its owner only by
    /// what is left of `duration`.
    pub async fn claim(&self, count: i64, duration: Duration) -> Result<Vec<Claim>, sqlx::Error> {
        // SQLite has one writer at a time. PostgreSQL would make a second caller wait for the rows of the first one and
        // then take them as well, were it not told to leave them out.
        let statement = match self.backend {
            Backend::Sqlite => {
                "UPDATE invoices SET claimed_until_ms = $1 WHERE id IN (
                     SELECT id FROM invoices WHERE state = 'unpaid' AND claimed_until_ms < $2 ORDER BY id LIMIT $3
                 ) RETURNING id, value, currency"
            }
            Backend::Postgres => {
                "UPDATE invoices SET claimed_until_ms = $1 WHERE id IN (
                     SELECT id FROM invoices WHERE state = 'unpaid' AND claimed_until_ms < $2 ORDER BY id LIMIT $3
                     FOR UPDATE SKIP LOCKED
                 ) RETURNING id, value, currency"
            }
        };
        let now_ms = now_ms();
        let until_ms = now_ms.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX));
        sqlx::query(statement)
            .bind(until_ms)
            .bind(now_ms)
            .bind(count)
            .try_map(|row: AnyRow| Ok(Claim { due: due_of(&row)?, until_ms }))
            .fetch_all(&self.pool)
            .await
    }

    /// The provider has paid it: true whoever holds the claim by now.
    pub async fn mark_paid(&self, claim: &Claim) -> Result<(), sqlx::Error> {
        let statement = "UPDATE invoices SET state = 'paid', paid_at_ms = $1, problem = NULL
             WHERE id = $2 AND state <> 'paid'";
        sqlx::query(statement).bind(now_ms()).bind(&claim.due.id).execute(&self.pool).await.map(|_| ())
    }

    /// The provider will never pay it.
    pub async fn mark_rejected(&self, claim: &Claim, problem: &str) -> Result<(), sqlx::Error> {
        let statement = "UPDATE invoices SET state = 'rejected', problem = $1
             WHERE id = $2 AND state = 'unpaid' AND claimed_until_ms = $3";
        self.give_back(statement, claim, problem).await
    }

    /// It could not be paid now: anybody may try again at once.
    pub async fn release(&self, claim: &Claim, problem: &str) -> Result<(), sqlx::Error> {
        let statement = "UPDATE invoices SET claimed_until_ms = 0, problem = $1
             WHERE id = $2 AND state = 'unpaid' AND claimed_until_ms = $3";
        self.give_back(statement, claim, problem).await
    }

    /// How many are unpaid, whether or not someone is paying them.
    pub async fn unpaid(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT COUNT(*) FROM invoices WHERE state = 'unpaid'").fetch_one(&self.pool).await
    }

    async fn give_back(&self, statement: &'static str, claim: &Claim, problem: &str) -> Result<(), sqlx::Error> {
        let problem: String = problem.chars().take(PROBLEM_CHARACTERS_MAX).collect();
        let query = sqlx::query(statement).bind(problem).bind(&claim.due.id).bind(claim.until_ms);
        query.execute(&self.pool).await.map(|_| ())
    }
}

fn due_of(row: &AnyRow) -> Result<Due, sqlx::Error> {
    Ok(Due { id: row.try_get("id")?, value: row.try_get("value")?, currency: row.try_get("currency")? })
}

fn invoice_of(row: AnyRow) -> Result<Invoice, sqlx::Error> {
    Ok(Invoice {
        id: row.try_get("id")?,
        value: row.try_get("value")?,
        currency: row.try_get("currency")?,
        state: row.try_get("state")?,
        paid_at_ms: row.try_get("paid_at_ms")?,
        problem: row.try_get("problem")?,
    })
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
