//! Documents in columns.

use crate::StoreError;
use rusqlite::types::Type;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A value as a document.
pub(crate) fn encode<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data is always valid JSON")
}

/// The value of a document; `what` names its kind in errors.
pub(crate) fn decode<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Damaged { what, source })
}

/// The value of a column that holds a document.
pub(crate) fn column<T: DeserializeOwned>(row: &rusqlite::Row<'_>, name: &str) -> rusqlite::Result<T> {
    let text: String = row.get(name)?;
    serde_json::from_str(&text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

/// The value of a column that holds a plain name, digest or word: a document that is one string.
pub(crate) fn word<T: DeserializeOwned>(row: &rusqlite::Row<'_>, name: &str) -> rusqlite::Result<T> {
    let text: String = row.get(name)?;
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))
}

/// A value whose document is one string, as that string.
pub(crate) fn to_word<T: Serialize>(value: &T) -> String {
    encode(value).trim_matches('"').to_owned()
}
