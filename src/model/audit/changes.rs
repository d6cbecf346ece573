//! The changed fields of an audit event, bounded in number and length.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Maximum length of a recorded text, in characters; longer ones are cut.
const MAX_TEXT: usize = 300;
/// Maximum number of recorded fields.
const MAX_FIELDS: usize = 50;

/// The changed fields of one action: `{"email": {"from": "a@b.c", "to": "d@e.f"}}`. Secrets must
/// not be recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Changes(Map<String, Value>);

impl Changes {
    /// Adds a field with both values, if they differ.
    pub fn field<T: Serialize + PartialEq>(&mut self, name: &str, from: &T, to: &T) -> &mut Self {
        if from != to {
            self.insert(name, json!({ "from": bounded(json!(from)), "to": bounded(json!(to)) }));
        }
        self
    }

    /// Adds the name of a field whose values are too large, or are recorded elsewhere.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.insert(name, json!({}));
        self
    }

    /// Creates changes with the old version of an item, if it existed, and the new one, if it
    /// exists.
    pub fn version<T: Serialize + PartialEq>(from: Option<T>, to: Option<T>) -> Self {
        let mut changes = Self::default();
        changes.field("version", &from, &to);
        changes
    }

    /// Adds a field if the values differ: with both values of scalars and texts, and the name only
    /// of lists and objects.
    pub fn value(&mut self, name: &str, from: &Value, to: &Value) -> &mut Self {
        let is_nested = |value: &Value| value.is_array() || value.is_object();
        match from == to {
            true => self,
            false if is_nested(from) || is_nested(to) => self.name(name),
            false => self.field(name, from, to),
        }
    }

    /// Creates changes with the top-level fields that differ, see [`Self::value`].
    pub fn between<T: Serialize>(old: &T, new: &T) -> Self {
        let object = |state: &T| match serde_json::to_value(state) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let (old, new) = (object(old), object(new));
        let mut changes = Self::default();
        for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
            let value = |state: &Map<String, Value>| state.get(name).cloned().unwrap_or_default();
            changes.value(name, &value(&old), &value(&new));
        }
        changes
    }

    /// Returns the names of the recorded fields.
    pub fn names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }

    /// Whether no field was recorded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn insert(&mut self, name: &str, value: Value) {
        if self.0.len() < MAX_FIELDS {
            self.0.insert(name.to_owned(), value);
        }
    }
}

fn bounded(value: Value) -> Value {
    match value {
        Value::String(text) if text.chars().count() > MAX_TEXT => {
            Value::String(text.chars().take(MAX_TEXT).chain(['…']).collect())
        }
        Value::String(_) | Value::Number(_) | Value::Bool(_) | Value::Null => value,
        // Lists and objects are recorded as JSON text, which is cut like any other text.
        Value::Array(_) | Value::Object(_) => bounded(Value::String(value.to_string())),
    }
}

#[cfg(test)]
mod tests;
