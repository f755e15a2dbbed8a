//! A TOML document as a tree of values that remember where they stand.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value and its place.
#[derive(Debug, Clone)]
pub(super) struct Node {
    /// Where the key stands (of an array's item: the item). For a table this is what a message points at.
    pub key_span: Range<usize>,
    /// Where the value stands.
    pub span: Range<usize>,
    /// The value.
    pub value: Value,
}

/// What TOML knows.
#[derive(Debug, Clone)]
pub(super) enum Value {
    String(String),
    Integer(i64),
    /// A whole number beyond 64 bits: TOML refuses it, and so do we.
    IntegerTooLarge,
    Float(f64),
    Boolean(bool),
    /// As it is written: it belongs into quotes.
    Datetime(String),
    Array(Vec<Node>),
    Table(Vec<(String, Node)>),
}

/// The way from the root to a value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A key of a table.
    Key(String),
    /// An item of an array, the first being 0.
    Item(usize),
}

impl Path {
    /// The way to a key of the table that is here.
    pub(super) fn key(&self, key: &str) -> Self {
        self.step(Step::Key(key.to_owned()))
    }

    /// The way to an item of the array that is here.
    pub(super) fn index(&self, index: usize) -> Self {
        self.step(Step::Item(index))
    }

    fn step(&self, step: Step) -> Self {
        let mut path = self.clone();
        path.0.push(step);
        path
    }

    /// The way to what holds this; the root's is the root.
    pub(super) fn parent(&self) -> Self {
        Self(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    /// The key under which it stands; `None` for the root and for items of arrays.
    pub(super) fn last_key(&self) -> Option<&str> {
        match self.0.last() {
            Some(Step::Key(key)) => Some(key),
            _ => None,
        }
    }

    /// The line with which a table that stands here begins.
    pub(super) fn header(&self) -> String {
        match self.0.last() {
            Some(Step::Item(_)) => format!("[[{}]]", self.parent()),
            _ => format!("[{self}]"),
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.0.iter().enumerate() {
            match step {
                Step::Item(item) => write!(f, "[{item}]")?,
                Step::Key(key) if index == 0 => f.write_str(&written(key))?,
                Step::Key(key) => write!(f, ".{}", written(key))?,
            }
        }
        Ok(())
    }
}

/// A key as TOML writes it: in quotes if it holds more than letters, digits, underscores and hyphens.
fn written(key: &str) -> Cow<'_, str> {
    if !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) {
        return Cow::Borrowed(key);
    }
    let mut quoted = String::from("\"");
    for character in key.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            _ if character.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(character))),
            _ => quoted.push(character),
        }
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

impl Node {
    /// The tree of a document.
    pub(super) fn document(table: Spanned<DeTable<'_>>) -> Self {
        Self::new(0..0, 0..0, DeValue::Table(table.into_inner()))
    }

    fn new(key_span: Range<usize>, span: Range<usize>, value: DeValue<'_>) -> Self {
        let value = match value {
            DeValue::String(text) => Value::String(text.into_owned()),
            DeValue::Integer(number) => {
                i64::from_str_radix(number.as_str(), number.radix()).map_or(Value::IntegerTooLarge, Value::Integer)
            }
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(truth) => Value::Boolean(truth),
            DeValue::Datetime(date) => Value::Datetime(date.to_string()),
            DeValue::Array(items) => Value::Array(items.into_iter().map(Self::item).collect()),
            DeValue::Table(table) => Value::Table(table.into_iter().map(|(k, v)| Self::entry(&k, v)).collect()),
        };
        Self { key_span, span, value }
    }

    fn item(item: Spanned<DeValue<'_>>) -> Self {
        let span = item.span();
        Self::new(span.clone(), span, item.into_inner())
    }

    fn entry(key: &Spanned<Cow<'_, str>>, value: Spanned<DeValue<'_>>) -> (String, Self) {
        let span = value.span();
        (key.get_ref().to_string(), Self::new(key.span(), span, value.into_inner()))
    }

    /// What stands at a path.
    pub(super) fn get(&self, path: &Path) -> Option<&Self> {
        path.0.iter().try_fold(self, |node, step| match (&node.value, step) {
            (Value::Table(entries), Step::Key(wanted)) => {
                entries.iter().find(|(key, _)| key == wanted).map(|(_, node)| node)
            }
            (Value::Array(items), Step::Item(index)) => items.get(*index),
            _ => None,
        })
    }

    /// The keys of a table that stands at a path, with their nodes.
    pub(super) fn entries(&self, path: &Path) -> &[(String, Self)] {
        match self.get(path).map(|node| &node.value) {
            Some(Value::Table(entries)) => entries,
            _ => &[],
        }
    }

    /// The bytes that a message about this value points at.
    pub(super) fn shown(&self) -> Range<usize> {
        match self.value {
            Value::Table(_) => self.key_span.clone(),
            _ => self.span.clone(),
        }
    }

    /// The value without its places, for serde.
    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::String(text) => text.as_str().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Boolean(truth) => (*truth).into(),
            Value::IntegerTooLarge | Value::Datetime(_) => serde_json::Value::Null,
            Value::Array(items) => items.iter().map(Self::to_json).collect(),
            Value::Table(entries) => entries.iter().map(|(key, node)| (key.clone(), node.to_json())).collect(),
        }
    }

    /// The value's type, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self.value {
            Value::String(_) => "a string",
            Value::Integer(_) => "an integer",
            Value::IntegerTooLarge => "an integer beyond 64 bits",
            Value::Float(number) if !number.is_finite() => "one that is not finite",
            Value::Float(_) => "a number",
            Value::Boolean(_) => "a boolean",
            Value::Datetime(_) => "a date",
            Value::Array(_) => "an array",
            Value::Table(_) => "a table",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_written_as_toml_reads_them() {
        let path = Path::default().key("routes");
        for key in ["a-b_C", "1", "", "/", "a.b", "a b", "café", "\"\\", "a\nb\u{7f}"] {
            let header = path.key(key).header();
            let table: toml::Table = header.parse().expect("TOML");
            let keys: Vec<&String> = table["routes"].as_table().expect("a table").keys().collect();
            assert_eq!(keys, [key], "{header}");
        }
        assert_eq!(path.key("a-b").header(), "[routes.a-b]");
        assert_eq!(path.key("/").key("x").index(1).to_string(), "routes.\"/\".x[1]");
        assert_eq!(path.key("x").index(1).header(), "[[routes.x]]");
        assert_eq!(path.key("1").to_string(), "routes.1");
    }
}
