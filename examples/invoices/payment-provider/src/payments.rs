//! The books: what was paid, each key once.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;
use sqlx::Row;
use sqlx::any::AnyRow;

use crate::database::Database;
use crate::order::Order;

/// The most payments of one listing.
pub const LIST_MAX: i64 = 1000;

#[derive(Debug, PartialEq, Serialize)]
pub struct Payment {
    pub idempotency_key: String,
    pub id: String,
    pub value: i64,
    pub currency: String,
    pub paid_at_ms: i64,
}

#[derive(Debug, PartialEq)]
pub enum Outcome {
    Paid(Payment),
    /// This very order was paid before: here is what was answered then.
    Replayed(Payment),
    /// Something else was paid under that key.
    KeyReused,
}

impl Database {
    /// Pays the order, unless its key was used before. Once this returns, the payment survives a crash.
    pub async fn pay(&self, key: &str, order: &Order) -> Result<Outcome, sqlx::Error> {
        // The primary key decides between two callers at once: one inserts, the other one finds the row.
        let inserted = sqlx::query(
            "INSERT INTO payments (idempotency_key, id, value, currency, paid_at_ms) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (idempotency_key) DO NOTHING",
        )
        .bind(key)
        .bind(&order.id)
        .bind(order.value)
        .bind(&order.currency)
        .bind(now_ms())
        .execute(&self.pool)
        .await?
        .rows_affected();
        let payment = sqlx::query(
            "SELECT idempotency_key, id, value, currency, paid_at_ms FROM payments WHERE idempotency_key = $1",
        )
        .bind(key)
        .try_map(payment_of)
        .fetch_one(&self.pool)
        .await?;
        let same = (&payment.id, payment.value, &payment.currency) == (&order.id, order.value, &order.currency);
        Ok(match (inserted, same) {
            (1, _) => Outcome::Paid(payment),
            (_, true) => Outcome::Replayed(payment),
            (_, false) => Outcome::KeyReused,
        })
    }

    /// Payments in the order of their keys, from the one after `after`; at most [`LIST_MAX`].
    pub async fn payments(&self, after: &str) -> Result<Vec<Payment>, sqlx::Error> {
        sqlx::query(
            "SELECT idempotency_key, id, value, currency, paid_at_ms FROM payments
             WHERE idempotency_key > $1 ORDER BY idempotency_key LIMIT $2",
        )
        .bind(after)
        .bind(LIST_MAX)
        .try_map(payment_of)
        .fetch_all(&self.pool)
        .await
    }
}

fn payment_of(row: AnyRow) -> Result<Payment, sqlx::Error> {
    Ok(Payment {
        idempotency_key: row.try_get("idempotency_key")?,
        id: row.try_get("id")?,
        value: row.try_get("value")?,
        currency: row.try_get("currency")?,
        paid_at_ms: row.try_get("paid_at_ms")?,
    })
}

fn now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}
