//! The invoices that a new database begins with.

use sqlx::{Any, Transaction};

const CURRENCIES: [&str; 3] = ["EUR", "USD", "GBP"];
const DEMONSTRATION: u32 = 5;
const DEMONSTRATION_PAID: u32 = 2;
/// When the paid ones of the demonstration were paid: 2026-01-02T03:04:05Z.
const PAID_AT_MS: i64 = 1_767_323_045_000;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Seed {
    /// Five invoices, of which the first two are paid.
    Demonstration,
    /// That many, and none is paid.
    Unpaid(u32),
}

impl Seed {
    pub async fn plant(self, transaction: &mut Transaction<'_, Any>) -> Result<(), sqlx::Error> {
        let (count, paid) = match self {
            Self::Demonstration => (DEMONSTRATION, DEMONSTRATION_PAID),
            Self::Unpaid(count) => (count, 0),
        };
        for number in 1..=count {
            let is_paid = number <= paid;
            sqlx::query("INSERT INTO invoices (id, value, currency, state, paid_at_ms) VALUES ($1, $2, $3, $4, $5)")
                .bind(format!("inv-{number:04}"))
                .bind(1000 + i64::from(number) * 250)
                .bind(CURRENCIES[number as usize % CURRENCIES.len()])
                .bind(if is_paid { "paid" } else { "unpaid" })
                .bind(is_paid.then_some(PAID_AT_MS))
                .execute(&mut **transaction)
                .await?;
        }
        Ok(())
    }
}
