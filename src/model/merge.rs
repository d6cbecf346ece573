//! JSON merge patches (RFC 7396): null removes a member, an object is merged into the member at any
//! depth, every other value replaces it, lists too. `model::patch` says what may be patched.

use serde_json::{Map, Value};

use super::shape::Shape;

/// Merges a patch into an object of this shape. The removal of a field that the shape does not have
/// stays as a null, so that a check of the structure reports the unknown field.
pub(super) fn merge(target: &mut Map<String, Value>, patch: &Map<String, Value>, shape: &Shape) {
    for (name, value) in patch {
        match (value, shape.field(name)) {
            (Value::Null, Some(_)) => {
                target.remove(name);
            }
            (Value::Object(inner), field) => {
                let mut merged = match target.remove(name) {
                    Some(Value::Object(member)) => member,
                    // RFC 7396, section 2: what is no object is replaced by an empty one.
                    _ => Map::new(),
                };
                merge(&mut merged, inner, field.unwrap_or(&Shape::Any));
                target.insert(name.clone(), Value::Object(merged));
            }
            (other, _) => {
                target.insert(name.clone(), other.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests;
