//! A strict JSON parser. It refuses an object with a duplicate key, because parsers disagree about
//! its meaning (RFC 8259, section 4) and `serde_json::Value` would silently keep one of the values;
//! and it refuses a text that would take much more memory than its length.

use std::cell::Cell;
use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Maximum number of values in a text, to which a quarter of its length in bytes is added. The
/// densest text (`0,0,…`) has a value in two bytes, a catalogue about one in twenty.
const MIN_VALUES: usize = 100_000;
/// What an object weighs, in values: with a single key it takes more than 600 bytes of memory.
const OBJECT_WEIGHT: usize = 8;
/// Number of bytes of a text that weigh as much as a value.
const TEXT_PER_VALUE: usize = 16;
const TOO_MANY: &str = "more values than its length allows";

/// Parses a JSON text.
///
/// # Errors
/// Of serde; [`error_message`] makes a message of it.
pub fn parse(text: &[u8]) -> serde_json::Result<Value> {
    let budget = ValueBudget::new(MIN_VALUES.saturating_add(text.len() / 4));
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let value = BudgetedValue::new(&budget).deserialize(&mut deserializer)?;
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

/// Limits the memory of a value while it is parsed: each value weighs one, an object eight more,
/// and each 16 bytes of its texts one more.
#[derive(Debug)]
pub struct ValueBudget {
    max: usize,
    left: Cell<usize>,
    exceeded: Cell<bool>,
}

impl ValueBudget {
    /// Creates a budget of this weight.
    pub fn new(max: usize) -> Self {
        Self { max, left: Cell::new(max), exceeded: Cell::new(false) }
    }

    /// Returns the weight of what has been parsed.
    pub fn used(&self) -> usize {
        self.max.saturating_sub(self.left.get())
    }

    /// Whether parsing has failed because the value was too heavy.
    pub fn is_exceeded(&self) -> bool {
        self.exceeded.get()
    }

    fn take<E: Error>(&self, weight: usize) -> Result<(), E> {
        if let Some(left) = self.left.get().checked_sub(weight) {
            self.left.set(left);
            return Ok(());
        }
        self.exceeded.set(true);
        Err(E::custom(TOO_MANY))
    }
}

/// Parses a value of JSON, or of another format as JSON: without duplicate keys and without numbers
/// that are not finite.
#[derive(Clone, Copy, Debug)]
pub struct BudgetedValue<'a> {
    budget: &'a ValueBudget,
}

impl<'a> BudgetedValue<'a> {
    /// Creates the seed of one value.
    pub fn new(budget: &'a ValueBudget) -> Self {
        Self { budget }
    }

    fn take_text<E: Error>(self, text: &str) -> Result<(), E> {
        self.budget.take(text.len() / TEXT_PER_VALUE)
    }
}

impl<'de> DeserializeSeed<'de> for BudgetedValue<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.budget.take(1)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for BudgetedValue<'_> {
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

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        self.take_text(value)?;
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        self.take_text(&value)?;
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
        self.budget.take(OBJECT_WEIGHT)?;
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.take_text(&key)?;
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
