//! Old and new values of changed fields, bounded.

use serde::Serialize;
use serde_json::{Map, Value, json};

/// Longest text of a value, in characters; what is longer is cut.
const MAX_TEXT: usize = 300;
/// Most fields.
const MAX_FIELDS: usize = 50;

/// The changed fields of one action: `{"email": {"from": "a@b.c", "to": "d@e.f"}}`. Never put a secret in.
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

    /// The version that something has got, if it was created or changed, and that it had, if it was there before.
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
mod tests {
    use super::*;

    #[test]
    fn names_of_what_differs() {
        let changes = Changes::names_between(&json!({"a": 1, "b": [1], "c": 1}), &json!({"a": 1, "b": [2], "d": 1}));
        assert_eq!(json!(changes), json!({"b": {}, "c": {}, "d": {}}));
    }

    #[test]
    fn changed_fields_only_and_bounded() {
        let mut changes = Changes::default();
        changes.field("a", &"x", &"x").field("b", &1, &2).field("c", &"é".repeat(1000), &String::new()).name("d");
        let value = serde_json::to_value(&changes).unwrap();
        assert_eq!(value["b"], json!({"from": 1, "to": 2}));
        assert_eq!(value["c"]["from"].as_str().unwrap().chars().count(), MAX_TEXT + 1);
        assert_eq!((value.get("a"), &value["d"]), (None, &json!({})));
        for number in 0..1000 {
            changes.name(&number.to_string());
        }
        assert_eq!(changes.0.len(), MAX_FIELDS);
    }
}
