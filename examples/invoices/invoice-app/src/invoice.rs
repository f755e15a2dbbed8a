//! An invoice, as it is kept and shown, and as it comes in.

use serde::{Deserialize, Serialize};

/// ISO 4217 codes of the currencies in which invoices are written. The provider has its own list, and the last word.
const CURRENCIES: [&str; 10] = ["CHF", "CZK", "DKK", "EUR", "GBP", "JPY", "NOK", "PLN", "SEK", "USD"];
const VALUE_MAX: i64 = 1_000_000_000_000;
const ID_BYTES_MAX: usize = 64;

#[derive(Debug, PartialEq, Serialize)]
pub struct Invoice {
    pub id: String,
    /// In the currency's minor unit, such as cents.
    pub value: i64,
    pub currency: String,
    /// `unpaid`, `paid`, or `rejected` by the provider for good.
    pub state: String,
    pub paid_at_ms: Option<i64>,
    /// What the last attempt to pay it ran into.
    pub problem: Option<String>,
}

/// What must be paid: everything that the provider wants to know.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Due {
    pub id: String,
    pub value: i64,
    pub currency: String,
}

#[derive(Debug, thiserror::Error)]
pub enum Invalid {
    /// An integer type takes no float: `12.5`, `12.0` and `1e3` end here.
    #[error(
        "the body is not an invoice of `id`, `value` (an integer in the currency's minor unit) and `currency`: {0}"
    )]
    Shape(#[from] serde_json::Error),
    #[error("`id` must be 1 to {ID_BYTES_MAX} of the characters a-z, A-Z, 0-9, `-`, `_` and `.`")]
    Id,
    #[error("`value` must be from 1 to {VALUE_MAX}, not {0}")]
    Value(i64),
    #[error("`currency` must be one of {known}, not `{0}`", known = CURRENCIES.join(", "))]
    Currency(String),
}

impl Due {
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let due: Self = serde_json::from_slice(body)?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if !(1..=ID_BYTES_MAX).contains(&due.id.len()) || !due.id.bytes().all(is_plain) {
            return Err(Invalid::Id);
        }
        if !(1..=VALUE_MAX).contains(&due.value) {
            return Err(Invalid::Value(due.value));
        }
        if !CURRENCIES.contains(&due.currency.as_str()) {
            return Err(Invalid::Currency(due.currency));
        }
        Ok(due)
    }

    /// The same for every attempt to pay this invoice, by whichever replica and after whatever crash: with it the
    /// provider pays once.
    pub fn idempotency_key(&self) -> String {
        format!("invoice-{}", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invoice_is_read() {
        let due = Due::from_json(br#"{"id":"inv-1","value":1250,"currency":"EUR"}"#).unwrap();
        assert_eq!(due, Due { id: "inv-1".into(), value: 1250, currency: "EUR".into() });
        assert_eq!(due.idempotency_key(), "invoice-inv-1");
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let cases = [
            ("{", "the body"),
            (r#"{"value":1,"currency":"EUR"}"#, "`id`"),
            (r#"{"id":"a","value":1,"currency":"EUR","paid":true}"#, "`paid`"),
            (r#"{"id":"a/b","value":1,"currency":"EUR"}"#, "`id` must be"),
            (r#"{"id":"","value":1,"currency":"EUR"}"#, "`id` must be"),
            (r#"{"id":"a","value":1.0,"currency":"EUR"}"#, "floating point"),
            (r#"{"id":"a","value":1e3,"currency":"EUR"}"#, "floating point"),
            (r#"{"id":"a","value":"1","currency":"EUR"}"#, "string"),
            (r#"{"id":"a","value":99999999999999999999,"currency":"EUR"}"#, "the body"),
            (r#"{"id":"a","value":0,"currency":"EUR"}"#, "`value` must be"),
            (r#"{"id":"a","value":-1,"currency":"EUR"}"#, "`value` must be"),
            (r#"{"id":"a","value":1,"currency":"EURO"}"#, "`currency` must be"),
        ];
        for (body, named) in cases {
            let message = Due::from_json(body.as_bytes()).unwrap_err().to_string();
            assert!(message.contains(named), "{body}: {message}");
        }
    }
}
