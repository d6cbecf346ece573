//! Old and new values of changed fields, bounded.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Longest text of a value, in characters; what is longer is cut.
const MAX_TEXT: usize = 300;
/// Most fields.
const MAX_FIELDS: usize = 50;

/// The changed fields of one action: `{"email": {"from": "a@b.c", "to": "d@e.f"}}`. Never put a
/// secret in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Changes(Map<String, Value>);

impl Changes {
    /// Adds a field if its value has changed.
    pub fn field<T: Serialize + PartialEq>(&mut self, name: &str, from: &T, to: &T) -> &mut Self {
        if from != to {
            self.insert(name, json!({ "from": bounded(json!(from)), "to": bounded(json!(to)) }));
        }
        self
    }

    /// Adds the name of a field whose values are too large to be shown, or are kept elsewhere.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.insert(name, json!({}));
        self
    }

    /// The version that something has got, if it was created or changed, and that it had, if it was
    /// there before.
    pub fn version<T: Serialize + PartialEq>(from: Option<T>, to: Option<T>) -> Self {
        let mut changes = Self::default();
        changes.field("version", &from, &to);
        changes
    }

    /// The names of the top-level fields in which two states differ.
    pub fn names_between<T: Serialize>(old: &T, new: &T) -> Self {
        let object = |state: &T| match serde_json::to_value(state) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        };
        let (old, new) = (object(old), object(new));
        let mut changes = Self::default();
        for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
            if old.get(name) != new.get(name) {
                changes.name(name);
            }
        }
        changes
    }

    /// Whether nothing has changed.
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
        // Nothing structured is recorded today; this keeps a later one small.
        Value::Array(_) | Value::Object(_) => bounded(Value::String(value.to_string())),
    }
}

#[cfg(test)]
mod tests;
