//! What a caller orders to be paid, checked field by field so that a refusal can say what is wrong.

use serde_json::{Map, Value};

/// ISO 4217 codes of the currencies that are paid out.
pub const CURRENCIES: [&str; 10] = ["CHF", "CZK", "DKK", "EUR", "GBP", "JPY", "NOK", "PLN", "SEK", "USD"];
pub const VALUE_MAX: i64 = 1_000_000_000_000;
const ID_BYTES_MAX: usize = 64;
const KEY_BYTES_MAX: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    /// The caller's name for what is paid, such as an invoice's number.
    pub id: String,
    /// In the currency's minor unit, such as cents. Never a float: those cannot hold all amounts.
    pub value: i64,
    pub currency: String,
}

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Invalid {
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    #[error("the body is not a JSON object")]
    NotAnObject,
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("`id` must be 1 to {ID_BYTES_MAX} visible ASCII characters in a string")]
    Id,
    #[error("`value` must be an integer in the currency's minor unit, such as 1250 for 12.50, and no float or string")]
    ValueType,
    #[error("`value` must be from 1 to {VALUE_MAX}, not {0}")]
    ValueRange(i64),
    #[error("`currency` must be one of {known}, not {0}", known = CURRENCIES.join(", "))]
    Currency(Value),
    #[error("the field `Idempotency-Key` must be 1 to {KEY_BYTES_MAX} visible ASCII characters")]
    Key,
}

impl Invalid {
    /// For programs; it never changes.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(_) | Self::NotAnObject => "malformed_json",
            Self::Missing(_) => "missing_field",
            Self::Id => "invalid_id",
            Self::ValueType | Self::ValueRange(_) => "invalid_value",
            Self::Currency(_) => "unknown_currency",
            Self::Key => "invalid_idempotency_key",
        }
    }
}

impl Order {
    pub fn from_json(body: &[u8]) -> Result<Self, Invalid> {
        let body: Value = serde_json::from_slice(body).map_err(|error| Invalid::NotJson(error.to_string()))?;
        let fields = body.as_object().ok_or(Invalid::NotAnObject)?;
        let id = required(fields, "id")?.as_str().filter(|id| is_visible(id, ID_BYTES_MAX)).ok_or(Invalid::Id)?;
        let value = required(fields, "value")?.as_i64().ok_or(Invalid::ValueType)?;
        if !(1..=VALUE_MAX).contains(&value) {
            return Err(Invalid::ValueRange(value));
        }
        let currency = required(fields, "currency")?;
        let known = CURRENCIES.into_iter().find(|known| currency.as_str() == Some(known));
        let known = known.ok_or_else(|| Invalid::Currency(currency.clone()))?;
        Ok(Self { id: id.into(), value, currency: known.into() })
    }
}

/// The key under which an order is paid once. Without a field of that name the order's `id` is the key.
pub fn idempotency_key(field: Option<&[u8]>, order: &Order) -> Result<String, Invalid> {
    let Some(field) = field else { return Ok(order.id.clone()) };
    let key = std::str::from_utf8(field).map_err(|_| Invalid::Key)?;
    if is_visible(key, KEY_BYTES_MAX) { Ok(key.into()) } else { Err(Invalid::Key) }
}

fn required<'a>(fields: &'a Map<String, Value>, name: &'static str) -> Result<&'a Value, Invalid> {
    fields.get(name).filter(|value| !value.is_null()).ok_or(Invalid::Missing(name))
}

fn is_visible(text: &str, bytes_max: usize) -> bool {
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &str) -> &'static str {
        Order::from_json(body.as_bytes()).unwrap_err().code()
    }

    #[test]
    fn an_order_is_read() {
        let order = Order::from_json(br#"{"id":"inv-1","value":1250,"currency":"EUR","extra":null}"#);
        assert_eq!(order, Ok(Order { id: "inv-1".into(), value: 1250, currency: "EUR".into() }));
    }

    #[test]
    fn what_is_missing_or_wrong_is_refused() {
        let cases = [
            ("", "malformed_json"),
            ("{\"id\":", "malformed_json"),
            ("[]", "malformed_json"),
            ("{}", "missing_field"),
            (r#"{"value":1,"currency":"EUR"}"#, "missing_field"),
            (r#"{"id":null,"value":1,"currency":"EUR"}"#, "missing_field"),
            (r#"{"id":"a","currency":"EUR"}"#, "missing_field"),
            (r#"{"id":"a","value":1}"#, "missing_field"),
            (r#"{"id":"","value":1,"currency":"EUR"}"#, "invalid_id"),
            (r#"{"id":"a b","value":1,"currency":"EUR"}"#, "invalid_id"),
            (r#"{"id":7,"value":1,"currency":"EUR"}"#, "invalid_id"),
            (r#"{"id":"a","value":0,"currency":"EUR"}"#, "invalid_value"),
            (r#"{"id":"a","value":-1,"currency":"EUR"}"#, "invalid_value"),
            (r#"{"id":"a","value":1.0,"currency":"EUR"}"#, "invalid_value"),
            (r#"{"id":"a","value":1e2,"currency":"EUR"}"#, "invalid_value"),
            (r#"{"id":"a","value":"1","currency":"EUR"}"#, "invalid_value"),
            (r#"{"id":"a","value":true,"currency":"EUR"}"#, "invalid_value"),
            (r#"{"id":"a","value":1000000000001,"currency":"EUR"}"#, "invalid_value"),
            (r#"{"id":"a","value":99999999999999999999,"currency":"EUR"}"#, "invalid_value"),
            (r#"{"id":"a","value":1,"currency":"eur"}"#, "unknown_currency"),
            (r#"{"id":"a","value":1,"currency":"XXX"}"#, "unknown_currency"),
            (r#"{"id":"a","value":1,"currency":7}"#, "unknown_currency"),
        ];
        for (body, expected) in cases {
            assert_eq!(code(body), expected, "{body}");
        }
        assert_eq!(code(&format!(r#"{{"id":"{}","value":1,"currency":"EUR"}}"#, "a".repeat(65))), "invalid_id");
    }

    #[test]
    fn the_key_is_the_fields_or_else_the_id() {
        let order = Order { id: "inv-1".into(), value: 1, currency: "EUR".into() };
        assert_eq!(idempotency_key(None, &order), Ok("inv-1".into()));
        assert_eq!(idempotency_key(Some(b"key"), &order), Ok("key".into()));
        for bad in [b"".as_slice(), b"a b", b"\xFF", &[b'a'; 129]] {
            assert_eq!(idempotency_key(Some(bad), &order), Err(Invalid::Key));
        }
    }
}
