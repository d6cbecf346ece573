//! Compares the contents of two versions: as a list of fields for people, or as a JSON Patch
//! (RFC 6902) for programs. Objects are compared by field, lists of the same length by element,
//! other lists as a whole.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::VersionEntry;
use super::words::{TextSpan, WordBudget};

/// The difference between two versions of an item.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VersionDiff {
    pub from: VersionEntry,
    pub to: VersionEntry,
    /// The fields that differ, in the order of their paths. Fields that the server sets are left
    /// out: `from` and `to` have them.
    pub changes: Vec<ValueChange>,
}

/// A value that differs between two versions.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ValueChange {
    /// Path of the field, e.g. `definition.formula` or `data.primary_sources[0].system`.
    pub path: String,
    /// The same as a JSON Pointer (RFC 6901), which is exact for any name.
    pub pointer: String,
    /// Value before the change; absent if the field was absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub old: Option<Value>,
    /// Value after the change; absent if the field is absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub new: Option<Value>,
    /// How the text changed, word by word; only of texts with several words. Texts that differ too
    /// much for the time of a request have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub spans: Option<Vec<TextSpan>>,
}

/// Compares two contents. The values at the pointers of `set_by_server` are left out.
pub fn changes_between(old: &Value, new: &Value, set_by_server: &[&str]) -> Vec<ValueChange> {
    let mut comparison =
        Comparison { set_by_server, budget: WordBudget::default(), changes: Vec::new() };
    comparison.values(&Place::default(), Some(old), Some(new));
    comparison.changes
}

/// Returns the JSON Patch that turns one content into the other. Lists are compared by index.
pub fn patch_between(old: &Value, new: &Value) -> json_patch::Patch {
    json_patch::diff(old, new)
}

/// Where a value is, in both notations.
#[derive(Clone, Default)]
struct Place {
    path: String,
    pointer: String,
}

impl Place {
    fn field(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        let escaped = name.replace('~', "~0").replace('/', "~1");
        Self {
            path: format!("{}{dot}{name}", self.path),
            pointer: format!("{}/{escaped}", self.pointer),
        }
    }

    fn element(&self, index: usize) -> Self {
        Self {
            path: format!("{}[{index}]", self.path),
            pointer: format!("{}/{index}", self.pointer),
        }
    }
}

struct Comparison<'a> {
    set_by_server: &'a [&'a str],
    budget: WordBudget,
    changes: Vec<ValueChange>,
}

impl Comparison<'_> {
    fn values(&mut self, place: &Place, old: Option<&Value>, new: Option<&Value>) {
        if old == new || self.set_by_server.contains(&place.pointer.as_str()) {
            return;
        }
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => self.objects(place, old, new),
            (Some(Value::Array(old)), Some(Value::Array(new))) if old.len() == new.len() => {
                for (index, (old, new)) in old.iter().zip(new).enumerate() {
                    self.values(&place.element(index), Some(old), Some(new));
                }
            }
            (old, new) => {
                let spans = match (old, new) {
                    (Some(Value::String(old)), Some(Value::String(new))) => {
                        self.budget.spans(old, new)
                    }
                    _ => None,
                };
                self.changes.push(ValueChange {
                    path: place.path.clone(),
                    pointer: place.pointer.clone(),
                    old: old.cloned(),
                    new: new.cloned(),
                    spans,
                });
            }
        }
    }

    fn objects(&mut self, place: &Place, old: &Map<String, Value>, new: &Map<String, Value>) {
        let added = new.keys().filter(|name| !old.contains_key(*name));
        let mut names: Vec<&String> = old.keys().chain(added).collect();
        names.sort();
        for name in names {
            self.values(&place.field(name), old.get(name), new.get(name));
        }
    }
}

#[cfg(test)]
mod tests;
