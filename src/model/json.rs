//! A strict JSON parser. It refuses an object with a duplicate key, because parsers disagree about
//! its meaning (RFC 8259, section 4) and `serde_json::Value` would silently keep one of the values;
//! and it refuses a text that would take much more memory than its length.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// Maximum number of values in a text, to which a quarter of its length in bytes is added. The
/// densest text (`0,0,…`) has a value in two bytes, a catalogue about one in twenty.
const MIN_VALUES: usize = 100_000;
/// What an object counts, in values: with a single key it takes more than 600 bytes of memory.
const OBJECT_WEIGHT: usize = 8;
const TOO_MANY: &str = "more values than its length allows";

/// Parses a JSON text.
///
/// # Errors
/// Of serde; [`error_message`] makes a message of it.
pub fn parse(text: &[u8]) -> serde_json::Result<Value> {
    let left = Cell::new(MIN_VALUES.saturating_add(text.len() / 4));
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = StrictValue { left: &left }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Returns the message about an error of [`parse`], without any part of the text.
pub fn error_message(error: &serde_json::Error) -> String {
    if error.is_data() && error.to_string().starts_with(TOO_MANY) {
        return format!("must not hold {TOO_MANY}");
    }
    format!("is not valid JSON at line {}, column {}", error.line(), error.column())
}

/// A JSON value from another format (YAML), without duplicate keys and numbers that are not finite.
/// Its size is bounded by the parser of that format.
#[derive(Debug, PartialEq)]
pub struct StrictJson(pub Value);

impl<'de> Deserialize<'de> for StrictJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let left = Cell::new(usize::MAX);
        StrictValue { left: &left }.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct StrictValue<'a> {
    /// Number of values that are still allowed.
    left: &'a Cell<usize>,
}

impl StrictValue<'_> {
    fn count<E: Error>(self, values: usize) -> Result<(), E> {
        self.left.set(self.left.get().checked_sub(values).ok_or_else(|| E::custom(TOO_MANY))?);
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for StrictValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count(1)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        self.count(OBJECT_WEIGHT)?;
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(self)?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("an object names a key twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests;
