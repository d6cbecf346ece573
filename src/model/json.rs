//! JSON as it is accepted: an object that names a key twice is refused, because two readers would
//! disagree about what it says (RFC 8259, section 4).

use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Number, Value};

/// Any JSON value without a repeated key.
#[derive(Debug, PartialEq)]
pub struct Strict(pub Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        StrictValue.deserialize(deserializer).map(Self)
    }
}

struct StrictValue;

impl<'de> DeserializeSeed<'de> for StrictValue {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictValue {
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
        while let Some(item) = seq.next_element_seed(StrictValue)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let value = map.next_value_seed(StrictValue)?;
            if object.insert(key, value).is_some() {
                return Err(A::Error::custom("an object names a key twice"));
            }
        }
        Ok(Value::Object(object))
    }
}

/// Lays the top-level fields of `patch` over a stored object; what is absent stays as it is.
pub fn overlay<T: Serialize>(stored: &T, patch: &Map<String, Value>) -> Value {
    let mut whole = match serde_json::to_value(stored) {
        Ok(Value::Object(whole)) => whole,
        _ => Map::new(),
    };
    whole.extend(patch.iter().map(|(key, value)| (key.clone(), value.clone())));
    Value::Object(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_two_readers_would_disagree_about_is_refused() {
        for bad in [r#"{"a":1,"a":1}"#, r#"[{"b":{"a":1,"a":2}}]"#, "1e999", r#""\ud800""#, "{", &"[".repeat(1000)] {
            assert!(serde_json::from_str::<Strict>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn anything_else_is_what_serde_json_reads() -> serde_json::Result<()> {
        let text = r#"{"a":[1,-2,0.5,"x\n",null,true,{"b":{}}],"c":18446744073709551615}"#;
        assert_eq!(serde_json::from_str::<Strict>(text)?.0, serde_json::from_str::<Value>(text)?);
        Ok(())
    }
}
