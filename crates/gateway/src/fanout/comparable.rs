//! JSON as a value that can be compared.
//!
//! Two documents must be equal only if whoever reads one instead of the other is told the same: the agreeing answer
//! that is passed on may be the one of a service that lies. So a member that comes twice makes a document incomparable,
//! and so does a whole number that would lose digits on the way (fractions are compared as IEEE 754 doubles, as their
//! readers do).

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The largest whole number up to which a float says exactly one.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// Reads a document; `None` if it is none or can be read in two ways. Numbers of the same value are equal however they
/// are written.
pub(super) fn parse(bytes: &[u8]) -> Option<Value> {
    serde_json::from_slice::<Comparable>(bytes).ok().map(|Comparable(value)| value)
}

struct Comparable(Value);

impl<'de> Deserialize<'de> for Comparable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ComparableVisitor).map(Self)
    }
}

struct ComparableVisitor;

impl<'de> Visitor<'de> for ComparableVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON that can be read in one way only")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.abs() >= EXACT_MAX {
            return Err(E::custom("a number with more digits than are kept"));
        }
        if value.fract() == 0.0 {
            return Ok((value as i64).into());
        }
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("not a number"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Comparable(value)) = sequence.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((name, Comparable(value))) = members.next_entry::<String, Comparable>()? {
            if map.insert(name, value).is_some() {
                return Err(A::Error::custom("a member that comes twice"));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_value_written_differently_is_equal() {
        let same = |left: &str, right: &str| {
            parse(left.as_bytes()).is_some() && parse(left.as_bytes()) == parse(right.as_bytes())
        };
        assert!(same(r#"{"a":1,"b":[true,null]}"#, "{ \"b\": [true, null],\n\"a\": 1.0 }"));
        assert!(same(r#""\u00e9""#, "\"é\""));
        assert!(same("-0.0", "0"));
        assert!(!same("[1,2]", "[2,1]"));
        assert!(!same(r#"{"a":1}"#, r#"{"a":"1"}"#));
        assert!(!same("0.1", "0.2"));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_compared() {
        for ambiguous in [
            r#"{"paid":false,"paid":true}"#,
            r#"[{"x":{"a":1,"a":1}}]"#,
            "18446744073709551617",
            "1e300",
            "[1,]",
            "{} {}",
            "",
        ] {
            assert_eq!(parse(ambiguous.as_bytes()), None, "{ambiguous}");
        }
    }
}
