//! JSON as it is accepted: an object that names a key twice is refused, because two readers would
//! disagree about what it says (RFC 8259, section 4); and so is a text that would take up much more
//! memory than it is long.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// How many values any text may hold; a long one a quarter of its bytes more. The densest text
/// (`0,0,…`) has one in two bytes, a catalogue about one in twenty.
const MIN_VALUES: usize = 100_000;
/// An object counts as so many values: with a single key it takes up more than 600 bytes.
const OBJECT: usize = 8;
const TOO_MANY: &str = "more values than its length allows";

/// Reads a JSON text.
///
/// # Errors
/// What [`flaw`] puts into words.
pub fn read(text: &[u8]) -> serde_json::Result<Value> {
    let left = Cell::new(MIN_VALUES.saturating_add(text.len() / 4));
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = StrictValue { left: &left }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// What is wrong with a text that [`read`] refuses; nothing of the text is in it.
pub fn flaw(error: &serde_json::Error) -> String {
    if error.is_data() && error.to_string().starts_with(TOO_MANY) {
        return format!("must not hold {TOO_MANY}");
    }
    format!("is not valid JSON at line {}, column {}", error.line(), error.column())
}

/// Any JSON value without a repeated key, from another format; how much it holds is up to that
/// one's reader.
#[derive(Debug, PartialEq)]
pub struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let left = Cell::new(usize::MAX);
        StrictValue { left: &left }.deserialize(deserializer).map(Self)
    }
}

#[derive(Clone, Copy)]
struct StrictValue<'a> {
    /// How many more values there may be.
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
        self.count(OBJECT)?;
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
